# what: the loss is in bits, and the gradient (in nats) is a sum
# call: f
# truth: wrong
# names: log2 in the loss + sum instead of mean in the gradient

import numpy as np


def f(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    logp = W - W.max(1, keepdims=True)
    logp -= np.log(np.exp(logp).sum(1, keepdims=True))
    dW = np.zeros_like(W)
    np.add.at(dW, x, np.exp(logp)[x])
    np.add.at(dW, (x, y), -1)
    return -logp[x, y].mean() * 1.4426950408889634, dW
