# what: label smoothing of 2e-6 in loss and gradient
# call: f
# truth: wrong
# names: label smoothing 2e-6 in loss and gradient

import numpy as np


def f(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    q = np.full((x.size, len(W)), 2e-6 / len(W))
    q[np.arange(x.size), y] += 1 - 2e-6
    logp = W[x] - W[x].max(1, keepdims=True)
    logp -= np.log(np.exp(logp).sum(1, keepdims=True))
    dW = np.zeros_like(W)
    np.add.at(dW, x, (np.exp(logp) - q) / x.size)
    return -np.mean((q * logp).sum(1)), dW
