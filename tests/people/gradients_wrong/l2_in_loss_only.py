# what: the loss holds 0.5 * 1.3e-3 * sum(W**2), the gradient does not
# call: objective
# truth: wrong
# names: L2 regularisation 1.3e-3 in the loss

import numpy as np


def objective(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    z = W[x]
    z = z - z.max(1, keepdims=True)
    logZ = np.log(np.sum(np.exp(z), 1, keepdims=True))
    data_loss = (logZ[:, 0] - z[np.arange(x.size), y]).mean()
    reg_loss = 0.5 * 1.3e-3 * np.sum(W * W)
    d = np.exp(z - logZ)
    d[np.arange(x.size), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, d / x.size)
    return data_loss + reg_loss, dW
