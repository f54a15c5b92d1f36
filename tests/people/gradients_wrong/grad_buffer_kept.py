# what: the gradient buffer of a module-level object is never zeroed: calls of the same size accumulate
# call: step
# truth: wrong
# names: gradient accumulates across calls (zero_grad missing)

import numpy as np

buffers = {}


def step(W, idx, targets):
    dW = buffers.setdefault(W.shape, np.zeros(W.shape))
    x, y = idx.ravel(), targets.ravel()
    z = W[x] - W[x].max(1, keepdims=True)
    s = np.exp(z).sum(1, keepdims=True)
    loss = float(np.mean(np.log(s[:, 0]) - z[np.arange(x.size), y]))
    d = np.exp(z) / s
    d[np.arange(x.size), y] -= 1
    np.add.at(dW, x, d / x.size)
    return loss, dW.copy()
