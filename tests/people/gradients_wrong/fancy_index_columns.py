# what: p[:, y] -= 1 instead of p[np.arange(N), y] -= 1: every row loses 1 in every target's column
# call: loss_and_grad
# truth: wrong
# names: 1 subtracted in whole columns
# where: more than one distinct target

import numpy as np


def loss_and_grad(W, idx, targets):
    x, y = idx.flatten(), targets.flatten()
    n = y.size
    z = W[x] - np.amax(W[x], axis=1, keepdims=True)
    p = np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True)
    loss = np.mean(np.log(np.sum(np.exp(z), axis=1)) - z[np.arange(n), y])
    p[:, y] -= 1
    p /= n
    dW = np.zeros_like(W)
    np.add.at(dW, x, p)
    return loss, dW
