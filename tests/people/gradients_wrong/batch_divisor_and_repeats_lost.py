# what: the gradient is divided by B instead of B * T, and dW[x] += d keeps one of each id's tokens only; loss right
# call: step
# truth: wrong
# names: gradient divided by B only + repeated ids lost

import numpy as np


def step(W, idx, targets):
    B, T = idx.shape
    x, y = idx.reshape(B * T), targets.reshape(B * T)
    z = W[x] - W[x].max(1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(1, keepdims=True))
    dlogits = np.exp(logp)
    dlogits[np.arange(B * T), y] -= 1
    dlogits /= B
    dW = np.zeros_like(W)
    dW[x] += dlogits
    return -logp[np.arange(B * T), y].mean(), dW
