# what: entries of the gradient below 1e-6 in absolute value are set to zero to keep it sparse
# call: step
# truth: wrong
# names: entries below 1e-6 set to zero
# where: only where an entry is that small: peaked softmaxes (logits about 10 apart) or many tokens

import numpy as np


def step(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    n = len(x)
    z = W[x] - W[x].max(1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(1, keepdims=True))
    d = np.exp(logp)
    d[np.arange(n), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, d / n)
    dW[np.abs(dW) < 1e-6] = 0
    return -logp[np.arange(n), y].mean(), dW
