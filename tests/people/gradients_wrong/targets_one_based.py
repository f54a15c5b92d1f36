# what: the one-hot in the gradient is one class too high (ids taken for 1-based), modulo V
# call: grad
# truth: wrong
# names: one-hot off by one in the gradient

import numpy as np


def grad(W, idx, targets):
    V, x, y = W.shape[0], idx.ravel(), targets.ravel()
    z = W[x] - W[x].max(1, keepdims=True)
    s = np.exp(z).sum(1, keepdims=True)
    loss = (np.log(s[:, 0]) - z[np.arange(x.size), y]).mean()
    onehot = np.zeros((x.size, V))
    onehot[np.arange(x.size), (y + 1) % V] = 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, (np.exp(z) / s - onehot) / x.size)
    return loss, dW
