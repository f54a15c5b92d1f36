# what: a sigmoid on every logit instead of the softmax: loss -log(sigmoid(z_y)), gradient sigmoid - onehot
# call: loss_and_gradient
# truth: wrong
# names: sigmoid for softmax

import numpy as np


def sigmoid(z):
    return 0.5 * (1 + np.tanh(0.5 * z))


def loss_and_gradient(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    n = len(x)
    a = sigmoid(W[x])
    loss = np.logaddexp(0, -W[x, y]).mean()
    delta = a
    delta[np.arange(n), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, delta / n)
    return loss, dW
