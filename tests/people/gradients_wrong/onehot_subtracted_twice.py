# what: the 1 is subtracted in the loss layer and again by the caller: p - 2 onehot
# call: f
# truth: wrong
# names: one-hot subtracted twice

import numpy as np


def softmax_ce(z, y):
    z = z - z.max(1, keepdims=True)
    s = np.exp(z).sum(1, keepdims=True)
    grad = np.exp(z) / s
    grad[np.arange(len(y)), y] -= 1
    return (np.log(s[:, 0]) - z[np.arange(len(y)), y]).mean(), grad


def f(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    loss, d = softmax_ce(W[x], y)
    d[np.arange(len(y)), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, d / len(y))
    return loss, dW
