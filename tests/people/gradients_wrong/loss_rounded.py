# what: the loss is rounded to 3 places for the log and returned like that
# call: log_step
# truth: wrong
# names: loss rounded to 3 decimals

import numpy as np


def log_step(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    z = W[x] - W[x].max(1, keepdims=True)
    e = np.exp(z)
    loss = (np.log(e.sum(1)) - z[np.arange(x.size), y]).mean()
    d = e / e.sum(1, keepdims=True)
    d[np.arange(x.size), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, d / x.size)
    return round(float(loss), 3), dW
