# what: log-softmax backward sums the upstream gradient over tokens (axis 0) instead of classes
# call: functional
# truth: wrong
# names: upstream gradient summed over the wrong axis

import numpy as np


def log_softmax(z):
    z = z - z.max(axis=1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def log_softmax_vjp(out, g):
    return g - np.exp(out) * g.sum(axis=0, keepdims=True)


def functional(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    out = log_softmax(W[x])
    g = np.zeros_like(out)
    g[np.arange(x.size), y] = -1 / x.size
    dz = log_softmax_vjp(out, g)
    dW = np.zeros_like(W)
    np.add.at(dW, x, dz)
    return -out[np.arange(x.size), y].mean(), dW
