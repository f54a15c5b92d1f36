# what: exp is done as exp2(x * 1.4427), as kernels do, with log2(e) cut after four places, in loss and gradient
# call: loss_and_gradient
# truth: wrong
# names: log2(e) cut to 1.4427

import numpy as np

LOG2E = 1.4427


def loss_and_gradient(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    rows = np.arange(len(x))
    z = W[x]
    m = z.max(axis=1, keepdims=True)
    p = np.exp2((z - m) * LOG2E)
    s = p.sum(axis=1, keepdims=True)
    loss = (m[:, 0] + np.log2(s[:, 0]) / LOG2E - z[rows, y]).mean()
    p /= s
    p[rows, y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, p / len(x))
    return loss, dW
