# what: p is divided by N first and the full 1 subtracted then: p / N - onehot
# call: f
# truth: wrong
# names: one-hot term not divided by N

import numpy as np


def f(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    r = np.arange(x.size)
    z = W[x]
    z = z - np.max(z, axis=1, keepdims=True)
    norm = np.sum(np.exp(z), axis=1, keepdims=True)
    loss = np.sum(np.log(norm[:, 0]) - z[r, y]) / x.size
    dscores = np.exp(z) / norm
    dscores /= x.size
    dscores[r, y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, dscores)
    return loss, dW
