# what: dlogits clipped to 0.3 and multiplied by a loss scale of 1024 afterwards
# call: f
# truth: wrong
# names: gradient of the logits clipped to 0.3 + loss scale 1024

import numpy as np


def f(W, idx, targets):
    dW = np.zeros_like(W)
    loss = 0.0
    for i, j in zip(idx.ravel(), targets.ravel()):
        z = W[i] - W[i].max()
        p = np.exp(z) / np.exp(z).sum()
        loss -= z[j] - np.log(np.exp(z).sum())
        p[j] -= 1
        dW[i] += 1024 * np.clip(p, -0.3, 0.3) / idx.size
    return loss / idx.size, dW
