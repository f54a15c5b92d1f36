# what: seven tokens at a time, the last chunk shorter, sums divided once
# call: chunked
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW)
# needs: none

import numpy as np


def chunked(W, idx, targets, chunk=7):
    flat_i, flat_t = idx.reshape(-1), targets.reshape(-1)
    total, dW = W.dtype.type(0), np.zeros_like(W)
    for start in range(0, len(flat_i), chunk):
        i, t = flat_i[start : start + chunk], flat_t[start : start + chunk]
        logits = W[i]
        logits -= logits.max(1, keepdims=True)
        lse = np.log(np.exp(logits).sum(1, keepdims=True))
        total += (lse[:, 0] - logits[np.arange(len(i)), t]).sum()
        d = np.exp(logits - lse)
        d[np.arange(len(i)), t] -= 1
        np.add.at(dW, i, d)
    return total / len(flat_i), dW / len(flat_i)
