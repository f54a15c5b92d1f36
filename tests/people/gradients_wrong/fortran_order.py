# what: targets are flattened in Fortran order, idx in C order, in loss and gradient
# call: f
# truth: wrong
# names: targets flattened in the wrong order (batch and time swapped)

import numpy as np


def f(W, idx, targets):
    x = idx.ravel(order="C")
    y = targets.ravel(order="F")
    z = W[x] - W[x].max(1, keepdims=True)
    s = np.exp(z).sum(1, keepdims=True)
    loss = (np.log(s)[:, 0] - z[np.arange(x.size), y]).mean()
    d = np.exp(z) / s
    d[np.arange(x.size), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, d / x.size)
    return loss, dW
