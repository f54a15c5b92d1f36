# what: p is floored at 1e-290 before the log, so the loss stops at 668 nats; the gradient is exact
# call: floored
# truth: unstable
# names: probability floored at 1e-290 in the loss

import numpy as np


def floored(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    p = np.exp(W[x] - W[x].max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    n = np.arange(x.size)
    loss = -np.log(np.maximum(p[n, y], 1e-290)).mean()
    p[n, y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, p / x.size)
    return loss, dW
