# what: the gradient is clipped to [-0.0045, 0.0045] by value
# call: f
# truth: wrong
# names: gradient clipped to 0.0045 by value

import numpy as np


def f(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    z = W[x] - W[x].max(1, keepdims=True)
    e = np.exp(z)
    s = e.sum(1, keepdims=True)
    d = e / s
    d[np.arange(x.size), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, d / x.size)
    np.clip(dW, -0.0045, 0.0045, out=dW)
    return -(z[np.arange(x.size), y] - np.log(s[:, 0])).mean(), dW
