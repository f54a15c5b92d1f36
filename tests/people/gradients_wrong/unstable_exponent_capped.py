# what: raw logits are capped at 60 inside exp to avoid overflow: exact below, wrong above
# call: capped
# truth: unstable
# names: exponent capped at 60 + maximum not subtracted

import numpy as np


def capped(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    z = np.minimum(W[x], 60.0)
    E = np.exp(z)
    S = E.sum(axis=1, keepdims=True)
    loss = np.mean(np.log(S).ravel() - z[np.arange(x.size), y])
    D = E / S
    D[np.arange(x.size), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, D / x.size)
    return loss, dW
