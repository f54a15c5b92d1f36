# what: tokens grouped with argsort and np.split
# call: grouped
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW)
# needs: none

import numpy as np


def grouped(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    order = x.argsort(kind="stable")
    present, first = np.unique(x[order], return_index=True)
    dW = np.zeros(W.shape, W.dtype)
    loss = 0.0
    for i, ys in zip(present, np.split(y[order], first[1:])):
        z = W[i] - W[i].max()
        s = np.exp(z).sum()
        loss += np.sum(np.log(s) - z[ys]) / len(x)
        dW[i] = np.exp(z) / s * (len(ys) / len(x))
        for t in ys:
            dW[i, t] -= 1 / len(x)
    return loss, dW
