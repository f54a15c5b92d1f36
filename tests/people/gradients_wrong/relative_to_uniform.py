# what: the loss is divided by log(V), the loss of a uniform guess; the gradient is not
# call: normalised_loss
# truth: wrong
# names: loss divided by log V

import numpy as np


def normalised_loss(W, idx, targets):
    V = W.shape[0]
    x, y = idx.ravel(), targets.ravel()
    m = W.max(axis=1)
    lse = m + np.log(np.exp(W - m[:, None]).sum(axis=1))
    loss = (lse[x] - W[x, y]).mean() / np.log(max(V, 2))
    P = np.exp(W - lse[:, None])
    dW = np.zeros_like(W)
    for i, j in zip(x, y):
        dW[i] += P[i]
        dW[i, j] -= 1
    return loss, dW / x.size
