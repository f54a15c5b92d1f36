# what: shifted logits are floored at -88, "the smallest exponent of float32"
# call: floor88
# truth: unstable
# names: logits floored at -88 below the maximum

import numpy as np


def floor88(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    z = np.maximum(W[x] - W[x].max(1, keepdims=True), -88.0)
    e = np.exp(z)
    s = e.sum(1, keepdims=True)
    loss = (np.log(s) - z[np.arange(x.size), y][:, None]).mean()
    g = e / s
    g[np.arange(x.size), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, g / x.size)
    return loss, dW
