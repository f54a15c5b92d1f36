# what: targets are made by np.roll(idx, -1) over the flat batch instead of those given: each row's last token is paired with the next row's first
# call: step
# truth: wrong
# names: targets made by rolling idx

import numpy as np


def step(W, idx, targets):
    x = idx.ravel()
    y = np.roll(x, -1)
    n = len(x)
    z = W[x] - W[x].max(1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(1, keepdims=True))
    d = np.exp(logp)
    d[np.arange(n), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, d / n)
    return -logp[np.arange(n), y].mean(), dW
