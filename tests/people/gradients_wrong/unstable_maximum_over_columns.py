# what: each column's maximum is subtracted instead of each row's and its exp multiplied back in, which overflows
# call: colmax
# truth: unstable
# names: maximum over the wrong axis

import numpy as np


def colmax(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    z = W[x]
    m = z.max(axis=0)
    e = np.exp(z - m) * np.exp(m)
    s = e.sum(axis=1)
    loss = (np.log(s) - z[np.arange(x.size), y]).mean()
    p = e / s[:, None]
    p[np.arange(x.size), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, p / x.size)
    return loss, dW
