# what: 0.5 * 1e-3 * sum(W * W) is added to the loss, its derivative is forgotten in the gradient
# call: step
# truth: wrong
# names: 0.0005 * sum(W * W) added to the loss alone

import numpy as np


def step(W, idx, targets, reg=1e-3):
    x, y = idx.ravel(), targets.ravel()
    n = len(x)
    z = W[x] - W[x].max(1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(1, keepdims=True))
    data_loss = -logp[np.arange(n), y].sum() / n
    reg_loss = 0.5 * reg * np.sum(W * W)
    dscores = np.exp(logp)
    dscores[np.arange(n), y] -= 1
    dscores /= n
    dW = np.zeros_like(W)
    np.add.at(dW, x, dscores)
    return data_loss + reg_loss, dW
