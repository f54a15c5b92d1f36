# what: p is floored at 9e-4 in the backward pass only
# call: f
# truth: wrong
# names: probabilities floored at 9e-4 in the gradient

import numpy as np


def f(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    z = W[x] - W[x].max(1, keepdims=True)
    s = np.exp(z).sum(1, keepdims=True)
    p = np.maximum(np.exp(z) / s, 9e-4)
    p[np.arange(x.size), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, p / x.size)
    return (np.log(s[:, 0]) - z[np.arange(x.size), y]).mean(), dW
