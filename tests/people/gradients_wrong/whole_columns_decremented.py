# what: dlogits[:, y] -= 1 hits whole columns: each target that occurs lowers its column in every row
# call: f
# truth: wrong
# names: one subtracted from whole columns instead of the target's entry

import numpy as np


def f(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    shifted = W[x] - W[x].max(axis=1, keepdims=True)
    e = np.exp(shifted)
    loss = (np.log(e.sum(axis=1)) - shifted[range(x.size), y]).mean()
    dlogits = e / e.sum(axis=1, keepdims=True)
    dlogits[:, y] -= 1
    dlogits /= x.size
    dW = np.zeros_like(W)
    np.add.at(dW, x, dlogits)
    return loss, dW
