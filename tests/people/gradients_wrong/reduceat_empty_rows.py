# what: np.add.reduceat over all V segment starts: an id that never occurs gets the first token of the next segment instead of 0
# call: loss_and_gradient
# truth: wrong
# names: reduceat of empty segments
# where: batches with unvisited rows

import numpy as np


def loss_and_gradient(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    n, V = len(x), len(W)
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    z = W[x] - W[x].max(axis=1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    d = np.exp(logp)
    d[np.arange(n), y] -= 1
    starts = np.minimum(np.searchsorted(x, np.arange(V)), n - 1)
    dW = np.add.reduceat(d / n, starts, axis=0)
    return -logp[np.arange(n), y].mean(), dW
