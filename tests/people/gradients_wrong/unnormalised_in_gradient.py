# what: the gradient uses exp(z - max) without dividing by the sum
# call: grads
# truth: wrong
# names: softmax not normalised in the gradient

import numpy as np


def grads(W, idx, targets):
    N = idx.size
    x, y = idx.reshape(N), targets.reshape(N)
    u = np.exp(W[x] - W[x].max(axis=1).reshape(N, 1))
    loss = -np.mean(W[x, y] - W[x].max(axis=1) - np.log(u.sum(axis=1)))
    u[np.arange(N), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, u / N)
    return loss, dW
