# what: tokens sorted by id, np.add.reduceat over the ids that occur, written to those rows only
# call: loss_and_gradient
# truth: right
# kind: gradient
# needs: none

import numpy as np


def loss_and_gradient(W, idx, targets):
    order = np.argsort(idx, axis=None, kind="stable")
    x, y = idx.ravel()[order], targets.ravel()[order]
    n = len(x)
    z = W[x] - W[x].max(axis=1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    d = np.exp(logp)
    d[np.arange(n), y] -= 1
    ids, starts = np.unique(x, return_index=True)
    dW = np.zeros_like(W)
    dW[ids] = np.add.reduceat(d, starts, axis=0) / n
    return -logp[np.arange(n), y].mean(), dW
