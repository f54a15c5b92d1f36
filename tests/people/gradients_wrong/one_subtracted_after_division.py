# what: p is divided by N first and then 1, not 1 / N, is subtracted at the target
# call: step
# truth: wrong
# names: 1 subtracted after the division by N
# where: N > 1

import numpy as np


def step(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    n = x.shape[0]
    z = W[x]
    z = z - z.max(1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(1, keepdims=True))
    loss = -logp[range(n), y].mean()
    dlogits = np.exp(logp) / n
    dlogits[range(n), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, dlogits)
    return loss, dW
