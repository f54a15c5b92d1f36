# what: the one-hot is one class too low in the gradient, which is also not averaged
# call: f
# truth: wrong
# names: one-hot off by one in the gradient + sum instead of mean in the gradient

import numpy as np


def f(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    z = W[x] - W[x].max(1, keepdims=True)
    e = np.exp(z)
    d = e / e.sum(1, keepdims=True)
    d[np.arange(x.size), y - 1] -= 1      # y - 1 = -1 is the last column
    dW = np.zeros_like(W)
    np.add.at(dW, x, d)
    return (np.log(e.sum(1)) - z[np.arange(x.size), y]).mean(), dW
