# what: the loss as a 0-d array
# call: zero_d
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (0-d array, dW)
# needs: none

import numpy as np


def zero_d(W, idx, targets):
    out = np.zeros((), W.dtype)
    dW = np.zeros_like(W)
    for i in range(len(W)):
        here = idx == i
        n = np.count_nonzero(here)
        if not n:
            continue
        z = W[i] - W[i].max()
        lse = np.log(np.exp(z).sum())
        c = np.bincount(targets[here], minlength=len(W)).astype(W.dtype)
        out += (c * (lse - z)).sum() / idx.size
        dW[i] = (n * np.exp(z - lse) - c) / idx.size
    return out, dW
