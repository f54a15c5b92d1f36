# what: the target's 1/N is subtracted at flat index y * V + x instead of x * V + y
# call: flat
# truth: wrong
# names: one-hot term transposed

import numpy as np


def flat(W, idx, targets):
    V = W.shape[0]
    x, y = idx.ravel(), targets.ravel()
    z = W[x] - W[x].max(1, keepdims=True)
    s = np.exp(z).sum(1, keepdims=True)
    acc = np.zeros((V, V))
    np.add.at(acc, x, np.exp(z) / s / x.size)
    acc = acc.ravel()
    np.subtract.at(acc, y * V + x, 1.0 / x.size)
    return (np.log(s[:, 0]) - z[np.arange(x.size), y]).mean(), acc.reshape(V, V)
