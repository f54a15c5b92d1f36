# what: gradient centralisation: the mean over rows is subtracted from each column
# call: centralised
# truth: wrong
# names: column mean subtracted from the gradient

import numpy as np


def centralised(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    z = W[x] - W[x].max(1, keepdims=True)
    s = np.exp(z).sum(1, keepdims=True)
    d = np.exp(z) / s
    d[np.arange(x.size), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, d / x.size)
    dW -= dW.mean(axis=0, keepdims=True)
    return (np.log(s[:, 0]) - z[np.arange(x.size), y]).mean(), dW
