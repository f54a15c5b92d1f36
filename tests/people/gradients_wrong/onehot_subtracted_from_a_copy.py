# what: np.ravel(p[...])-style indexing makes a copy: the 1 is subtracted from it and lost, dlogits = p / N
# call: cross_entropy
# truth: wrong
# names: one-hot term missing in the gradient

import numpy as np


def cross_entropy(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    N = x.size
    z = W[x] - W[x].max(1, keepdims=True)
    e = np.exp(z)
    p = e / e.sum(1, keepdims=True)
    loss = -(z[np.arange(N), y] - np.log(e.sum(1))).mean()
    picked = p[np.arange(N), y]
    picked -= 1                      # a copy
    dW = np.zeros_like(W)
    np.add.at(dW, x, p / N)
    return loss, dW
