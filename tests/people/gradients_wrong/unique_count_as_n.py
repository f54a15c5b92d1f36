# what: N is the number of distinct ids and not the number of tokens, in the gradient
# call: f
# truth: wrong
# names: gradient divided by the number of distinct ids

import numpy as np


def f(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    logp = W[x] - W[x].max(1, keepdims=True)
    logp = logp - np.log(np.exp(logp).sum(1, keepdims=True))
    g = np.exp(logp)
    g[np.arange(x.size), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, g)
    return -logp[np.arange(x.size), y].mean(), dW / len(np.unique(x))
