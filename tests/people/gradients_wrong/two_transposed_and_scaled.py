# what: the gradient is transposed and still multiplied by a loss scale of 64
# call: f
# truth: wrong
# names: gradient transposed + loss scale 64

import numpy as np


def f(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    V = W.shape[0]
    z = W[x] - W[x].max(1, keepdims=True)
    e = np.exp(z)
    D = e / e.sum(1, keepdims=True)
    D[np.arange(x.size), y] -= 1
    X = np.zeros((V, x.size))
    X[x, np.arange(x.size)] = 1
    return (np.log(e.sum(1)) - z[np.arange(x.size), y]).mean(), 64 * D.T @ X.T / x.size
