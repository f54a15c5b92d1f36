# what: the gradient is divided by N - 1 (as the sample variance is)
# call: f
# truth: wrong
# names: gradient divided by N - 1

import numpy as np


def f(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    n = x.size
    z = W[x]
    z = z - z.max(1, keepdims=True)
    lse = np.log(np.exp(z).sum(1))
    g = np.exp(z - lse[:, None])
    g[range(n), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, g / max(n - 1, 1))
    return np.mean(lse - z[range(n), y]), dW
