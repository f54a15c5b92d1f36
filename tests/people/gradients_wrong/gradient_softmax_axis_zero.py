# what: the backward pass recomputes the softmax over axis 0 (over tokens), the loss is right
# call: f
# truth: wrong
# names: softmax over axis 0 in the gradient

import numpy as np


def softmax(x):
    e_x = np.exp(x - np.max(x))
    return e_x / e_x.sum(axis=0)


def f(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    z = W[x]
    m = z.max(1)
    loss = np.mean(m + np.log(np.exp(z - m[:, None]).sum(1)) - z[np.arange(x.size), y])
    dz = softmax(z)
    dz[np.arange(x.size), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, dz / x.size)
    return loss, dW
