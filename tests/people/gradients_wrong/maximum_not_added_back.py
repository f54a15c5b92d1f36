# what: the loss is log(sum(exp(z - max))) - z[target]: the maximum is not added back; the gradient is right
# call: compute
# truth: wrong
# names: maximum not added back in the loss

import numpy as np


def compute(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    n = np.arange(x.size)
    z = W[x]
    shifted = z - z.max(axis=1, keepdims=True)
    total = np.exp(shifted).sum(axis=1)
    loss = (np.log(total) - z[n, y]).mean()
    delta = np.exp(shifted) / total[:, None]
    delta[n, y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, delta)
    dW /= x.size
    return loss, dW
