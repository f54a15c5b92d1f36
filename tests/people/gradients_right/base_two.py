# what: exp2 and log2 inside with the full constant, converted back to nats
# call: loss_and_gradient
# truth: right
# kind: gradient
# needs: none

import numpy as np

LOG2E = 1.4426950408889634074
LN2 = 0.6931471805599453094


def loss_and_gradient(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    rows = np.arange(len(x))
    z = W[x] - W[x].max(axis=1, keepdims=True)
    p = np.exp2(z * LOG2E)
    s = p.sum(axis=1, keepdims=True)
    loss = (LN2 * np.log2(s[:, 0]) - z[rows, y]).mean()
    p /= s
    p[rows, y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, p / len(x))
    return loss, dW
