# what: the maximum of the whole batch is subtracted, so rows far below it underflow to 0 / 0
# call: f
# truth: unstable
# names: global maximum instead of the row's

import numpy as np


def softmax(a):
    e = np.exp(a - a.max())
    return e / e.sum(axis=1, keepdims=True)


def f(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    p = softmax(W[x])
    loss = -np.log(p[np.arange(len(x)), y]).mean()
    p[np.arange(len(x)), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, p / len(x))
    return loss, dW
