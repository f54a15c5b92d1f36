# what: dW[x] += d.sum(0): every row that occurs gets the sum over all tokens
# call: f
# truth: wrong
# names: gradient summed over tokens for every row

import numpy as np


def f(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    z = W[x] - W[x].max(1, keepdims=True)
    e = np.exp(z)
    d = e / e.sum(1, keepdims=True)
    d[np.arange(x.size), y] -= 1
    dW = np.zeros_like(W)
    dW[x] += d.sum(axis=0) / x.size
    return (np.log(e.sum(1)) - z[np.arange(x.size), y]).mean(), dW
