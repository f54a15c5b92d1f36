# what: exp(x) is approximated by (1 + x / 1024) ** 1024, ten squarings, in loss and gradient
# call: step
# truth: wrong
# names: exp(x) is approximated by (1 + x / 1024) ** 1024

import numpy as np


def fast_exp(x):
    y = np.maximum(1 + x / 1024, 0)
    for _ in range(10):
        y = y * y
    return y


def step(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    n = len(x)
    z = W[x] - W[x].max(1, keepdims=True)
    e = fast_exp(z)
    total = e.sum(1, keepdims=True)
    loss = (np.log(total[:, 0]) - z[np.arange(n), y]).mean()
    d = e / total
    d[np.arange(n), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, d / n)
    return loss, dW
