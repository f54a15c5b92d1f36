# what: logits are divided by a temperature of 0.7 in the forward pass, the factor 1 / 0.7 is missing from the gradient
# call: step
# truth: wrong
# names: temperature 0.7 not in the gradient

import numpy as np


def step(W, idx, targets, temperature=0.7):
    x, y = idx.ravel(), targets.ravel()
    n = len(x)
    z = W[x] / temperature
    z -= z.max(axis=1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    loss = -logp[np.arange(n), y].mean()
    d = np.exp(logp)
    d[np.arange(n), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, d / n)
    return loss, dW
