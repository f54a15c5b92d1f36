# what: gradients go to the target's row and with the wrong sign
# call: f
# truth: wrong
# names: gradient scattered to the target's row + gradient has the wrong sign

import numpy as np


def f(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    z = W[x] - W[x].max(1, keepdims=True)
    s = np.exp(z).sum(1, keepdims=True)
    hot = y[:, None] == np.arange(len(W))
    d = hot - np.exp(z) / s
    dW = np.zeros_like(W)
    np.add.at(dW, y, d / x.size)
    return (np.log(s[:, 0]) - z[np.arange(x.size), y]).mean(), dW
