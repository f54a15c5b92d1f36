# what: logits are divided by a temperature of 2 whose factor 1/2 is missing from the gradient, and 2 * 0.01 * W is added to the gradient only
# call: step
# truth: wrong
# names: temperature 2 + weight decay 0.01 * sum(W * W) in the gradient

import numpy as np


def step(W, idx, targets, T=2.0, reg=0.01):
    x, y = idx.ravel(), targets.ravel()
    n = len(x)
    z = W[x] / T
    z = z - z.max(1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(1, keepdims=True))
    d = np.exp(logp)
    d[np.arange(n), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, d / n)
    dW += 2 * reg * W
    return -logp[np.arange(n), y].mean(), dW
