# what: the gradient is divided by N * V (dlogits.size), the loss is right
# call: f
# truth: wrong
# names: gradient divided by N*V

import numpy as np


def f(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    p = np.exp(W[x] - W[x].max(1, keepdims=True))
    norm = p.sum(1, keepdims=True)
    loss = np.mean(np.log(norm[:, 0]) + W[x].max(1) - W[x, y])
    p /= norm
    p[np.arange(x.size), y] -= 1
    p /= p.size
    dW = np.zeros_like(W)
    np.add.at(dW, x, p)
    return loss, dW
