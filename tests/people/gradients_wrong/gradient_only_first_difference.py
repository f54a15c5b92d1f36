# what: dlogits is (p - onehot) * p: the derivative of a softmax output layer is multiplied in once more
# call: dE_dW
# truth: wrong
# names: extra factor p in the gradient
# options: --gradient-only

import numpy as np


def dE_dW(W, idx, targets):
    dW = np.zeros_like(W)
    for i, j in zip(idx.ravel(), targets.ravel()):
        o = np.exp(W[i] - W[i].max())
        o = o / o.sum()
        t = np.eye(len(W))[j]
        dW[i] += (o - t) * o
    return dW / idx.size
