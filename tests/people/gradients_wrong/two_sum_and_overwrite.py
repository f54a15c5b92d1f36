# what: loss and gradient are sums over tokens, and repeated ids are overwritten
# call: f
# truth: wrong
# names: sum instead of mean + repeated ids lost in the scatter

import numpy as np


def f(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    z = W[x] - W[x].max(1, keepdims=True)
    s = np.exp(z).sum(1, keepdims=True)
    d = np.exp(z) / s
    d[np.arange(x.size), y] -= 1
    dW = np.zeros_like(W)
    dW[x] += d
    return (np.log(s[:, 0]) - z[np.arange(x.size), y]).sum(), dW
