# what: gradients of single windows, weighted by their tokens and added
# call: accumulate
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW)
# needs: none

import numpy as np


def one(W, x, y):
    z = W[x] - W[x].max(1, keepdims=True)
    e = np.exp(z)
    p = e / e.sum(1, keepdims=True)
    k = np.arange(len(x))
    loss = (np.log(e.sum(1)) - z[k, y]).mean()
    p[k, y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, p / len(x))
    return loss, dW


def accumulate(W, idx, targets):
    loss, dW = 0.0, np.zeros_like(W)
    for x, y in zip(idx, targets):
        l, g = one(W, x, y)
        loss += l / len(idx)
        dW += g / len(idx)
    return loss, dW
