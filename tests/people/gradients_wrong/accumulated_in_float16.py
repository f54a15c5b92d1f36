# what: the gradient accumulates in a float16 buffer
# call: f
# truth: wrong
# names: gradient accumulated in float16

import numpy as np


def f(W, idx, targets):
    dW = np.zeros(W.shape, dtype=np.float16)
    loss = 0.0
    for i, j in zip(idx.ravel(), targets.ravel()):
        z = W[i] - W[i].max()
        s = np.exp(z).sum()
        p = np.exp(z) / s
        p[j] -= 1
        dW[i] += (p / idx.size).astype(np.float16)
        loss += np.log(s) - z[j]
    return loss / idx.size, dW.astype(W.dtype)
