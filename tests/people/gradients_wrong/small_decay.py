# what: a weight decay of 6e-8 * W is in the gradient
# call: f
# truth: wrong
# names: weight decay 6e-8 in the gradient

import numpy as np


def f(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    z = W[x] - W[x].max(1, keepdims=True)
    s = np.exp(z).sum(1, keepdims=True)
    d = np.exp(z) / s
    d[np.arange(x.size), y] -= 1
    dW = 6e-8 * W
    np.add.at(dW, x, d / x.size)
    return (np.log(s[:, 0]) - z[np.arange(x.size), y]).mean(), dW
