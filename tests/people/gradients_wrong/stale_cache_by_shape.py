# what: the softmax table is cached by shape: after the first call with that V the old table is used, in loss and gradient
# call: cached
# truth: wrong
# names: stale cache of an earlier W

import numpy as np


def cached(W, idx, targets, cache={}):
    if W.shape not in cache:
        m = W.max(1, keepdims=True)
        cache[W.shape] = W - m - np.log(np.exp(W - m).sum(1, keepdims=True))
    logp = cache[W.shape]
    x, y = idx.ravel(), targets.ravel()
    dW = np.zeros_like(W)
    np.add.at(dW, x, np.exp(logp[x]))
    np.subtract.at(dW, (x, y), 1)
    return -logp[x, y].mean(), dW / x.size
