# what: np.add.reduceat over sorted ids, but the rows of d are left in token order
# call: segments
# truth: wrong
# names: ids sorted but the gradients not

import numpy as np


def segments(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    z = W[x] - W[x].max(axis=1, keepdims=True)
    e = np.exp(z)
    loss = (np.log(e.sum(axis=1)) - z[np.arange(x.size), y]).mean()
    d = e / e.sum(axis=1, keepdims=True)
    d[np.arange(x.size), y] -= 1
    ids, start = np.unique(np.sort(x), return_index=True)
    dW = np.zeros_like(W)
    dW[ids] = np.add.reduceat(d / x.size, start, axis=0)
    return loss, dW
