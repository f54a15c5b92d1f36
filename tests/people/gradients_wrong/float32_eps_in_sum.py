# what: softmax = e / (sum(e) + 6e-3) in single precision, in loss and gradient
# call: f
# truth: wrong
# names: eps 6e-3 in the softmax denominator
# options: --dtype float32

import numpy as np


def f(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    e = np.exp(W[x] - W[x].max(1, keepdims=True))
    s = e.sum(1, keepdims=True) + np.float32(6e-3)
    p = e / s
    z = W[x] - W[x].max(1, keepdims=True)
    loss = (np.log(s[:, 0]) - z[np.arange(x.size), y]).mean()
    p[np.arange(x.size), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, p / np.float32(x.size))
    return loss, dW
