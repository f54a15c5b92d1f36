# what: -log(p + 2e-3) in the loss, and the gradient is missing the 1/N
# call: f
# truth: wrong
# names: eps 2e-3 inside the log + sum instead of mean in the gradient

import numpy as np


def f(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    n = np.arange(x.size)
    p = np.exp(W[x] - W[x].max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    loss = np.mean(-np.log(p[n, y] + 2e-3))
    p[n, y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, p)
    return loss, dW
