# what: decorated; the wrapper takes *args and **kwargs
# call: timed_loss
# truth: right
# kind: gradient ; interface: decorated (*args, **kwargs), functools.wraps -> (loss, dW)
# needs: none

import functools
import time

import numpy as np

TIMES = []


def timed(f):
    @functools.wraps(f)
    def inner(*args, **kwargs):
        start = time.perf_counter()
        try:
            return f(*args, **kwargs)
        finally:
            TIMES.append(time.perf_counter() - start)

    return inner


@timed
def timed_loss(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    m = W[x].max(axis=1, keepdims=True)
    lse = np.log(np.exp(W[x] - m).sum(axis=1, keepdims=True))
    logp = (W[x] - m) - lse
    d = np.exp(logp)
    d[np.arange(x.size), y] -= 1
    dW = np.zeros(W.shape, W.dtype)
    np.add.at(dW, x, d)
    return -logp[np.arange(x.size), y].mean(), dW / x.size
