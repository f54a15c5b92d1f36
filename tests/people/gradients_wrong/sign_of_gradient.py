# what: the sign of the gradient times 1 / N (signSGD)
# call: sign_sgd
# truth: wrong
# names: sign of the gradient returned

import numpy as np


def sign_sgd(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    z = W[x] - W[x].max(1, keepdims=True)
    e = np.exp(z)
    d = e / e.sum(1, keepdims=True)
    d[np.arange(x.size), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, d)
    return (np.log(e.sum(1)) - z[np.arange(x.size), y]).mean(), np.sign(dW) / x.size
