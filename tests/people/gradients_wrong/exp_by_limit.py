# what: exp(x) is approximated as (1 + x / 1024)**1024
# call: approx
# truth: wrong
# names: approximate exponential

import numpy as np


def fast_exp(x):
    x = 1.0 + np.maximum(x, -1024.0) / 1024.0
    for _ in range(10):
        x = x * x
    return x


def approx(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    z = W[x] - W[x].max(1, keepdims=True)
    e = fast_exp(z)
    s = e.sum(1, keepdims=True)
    loss = (np.log(s[:, 0]) - z[np.arange(x.size), y]).mean()
    d = e / s
    d[np.arange(x.size), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, d / x.size)
    return loss, dW
