# what: the rows of the gradient are added at the targets' ids and not at the inputs'
# call: f
# truth: wrong
# names: gradient scattered to the target's row instead of the input's

import numpy as np


def f(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    z = W[x]
    m = z.max(1, keepdims=True)
    lse = (m + np.log(np.exp(z - m).sum(1, keepdims=True)))[:, 0]
    d = np.exp(z - lse[:, None])
    d[np.arange(x.size), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, y, d / x.size)
    return (lse - z[np.arange(x.size), y]).mean(), dW
