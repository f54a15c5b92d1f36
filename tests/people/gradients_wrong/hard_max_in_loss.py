# what: the loss is max(z) - z[target]: log(sum(exp)) is replaced by the maximum; the gradient is softmax's
# call: f
# truth: wrong
# names: maximum instead of log-sum-exp in the loss

import numpy as np


def f(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    loss = np.mean([W[i].max() - W[i, j] for i, j in zip(x, y)])
    dW = np.zeros_like(W)
    for i, j in zip(x, y):
        e = np.exp(W[i] - W[i].max())
        dW[i] += e / e.sum() / x.size
        dW[i, j] -= 1 / x.size
    return loss, dW
