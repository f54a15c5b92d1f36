# what: the mean is kept as a running mean, token by token: mean += (value - mean) / k, for loss and gradient
# call: step
# truth: right
# kind: gradient
# needs: none

import numpy as np


def step(W, idx, targets):
    loss, dW = 0.0, np.zeros_like(W)
    for k, (i, t) in enumerate(zip(idx.ravel(), targets.ravel()), start=1):
        z = W[i] - W[i].max()
        logp = z - np.log(np.exp(z).sum())
        g = np.exp(logp)
        g[t] -= 1
        loss += (float(-logp[t]) - loss) / k
        dW *= (k - 1) / k
        dW[i] += g / k
    return loss, dW
