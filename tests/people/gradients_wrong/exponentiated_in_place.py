# what: np.exp(z, out=z) overwrites the logits, and the loss then subtracts exp(z)[target] for z[target]
# call: inplace
# truth: wrong
# names: logits overwritten in place before the loss

import numpy as np


def inplace(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    z = W[x]
    z -= z.max(1, keepdims=True)
    e = np.exp(z, out=z)
    s = e.sum(1, keepdims=True)
    loss = np.mean(np.log(s[:, 0]) - z[np.arange(x.size), y])
    d = e / s
    d[np.arange(x.size), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, d / x.size)
    return loss, dW
