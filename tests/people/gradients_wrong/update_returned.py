# what: the update -0.3 * dW is returned instead of the gradient
# call: delta
# truth: wrong
# names: learning rate -0.3 times the gradient returned

import numpy as np


def delta(W, idx, targets, lr=0.3):
    x, y = idx.ravel(), targets.ravel()
    z = W[x] - W[x].max(1, keepdims=True)
    e = np.exp(z)
    d = e / e.sum(1, keepdims=True)
    d[np.arange(x.size), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, d / x.size)
    return (np.log(e.sum(1)) - z[np.arange(x.size), y]).mean(), -lr * dW
