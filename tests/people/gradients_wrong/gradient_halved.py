# what: 0.5 from a squared-error loss stays in front of the gradient
# call: f
# truth: wrong
# names: gradient halved (factor 0.5)

import numpy as np


def f(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    z = W[x] - W[x].max(1, keepdims=True)
    s = np.exp(z).sum(1, keepdims=True)
    d = np.exp(z) / s
    d[np.arange(x.size), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, 0.5 * d / x.size)
    return (np.log(s[:, 0]) - z[np.arange(x.size), y]).mean(), dW
