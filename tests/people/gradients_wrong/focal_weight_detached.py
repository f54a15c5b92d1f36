# what: focal weights (1 - p)**0.75 multiply loss and gradient, but their own derivative is left out
# call: focal
# truth: wrong
# names: focal weight gamma 0.75 + derivative of the weight missing

import numpy as np


def focal(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    r = np.arange(x.size)
    s = W[x] - W[x].max(1, keepdims=True)
    logp = s - np.log(np.exp(s).sum(1, keepdims=True))
    p = np.exp(logp)
    weight = np.clip(1 - p[r, y], 0, 1) ** 0.75
    loss = np.mean(weight * -logp[r, y])
    d = p.copy()
    d[r, y] -= 1
    d *= weight[:, None] / x.size
    dW = np.zeros_like(W)
    np.add.at(dW, x, d)
    return loss, dW
