# what: the gradient is onehot - p (ascent direction)
# call: update_direction
# truth: wrong
# names: gradient has the wrong sign

import numpy as np


def update_direction(W, idx, targets):
    V = len(W)
    x, y = idx.ravel(), targets.ravel()
    mx = W.max(1, keepdims=True)
    logP = W - mx - np.log(np.exp(W - mx).sum(1, keepdims=True))
    loss = -logP[x, y].sum() / x.size
    grad = np.zeros((V, V))
    for i, j in zip(x, y):
        grad[i] += np.eye(V)[j] - np.exp(logP[i])
    return loss, grad / x.size
