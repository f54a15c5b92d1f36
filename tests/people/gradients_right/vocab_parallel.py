# what: two vocabulary shards that share the maximum and the sum, Megatron's way
# call: step
# truth: right
# kind: gradient
# needs: none

import numpy as np


def step(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    n, V = len(x), W.shape[1]
    shards = [(lo, hi) for lo, hi in ((0, V // 2), (V // 2, V)) if hi > lo]
    m = np.maximum.reduce([W[x, lo:hi].max(axis=1) for lo, hi in shards])
    s, target_logit = np.zeros(n, W.dtype), np.zeros(n, W.dtype)
    for lo, hi in shards:
        z = W[x, lo:hi] - m[:, None]
        s += np.exp(z).sum(axis=1)
        mine = (y >= lo) & (y < hi)
        target_logit[mine] += z[mine, y[mine] - lo]
    dW = np.zeros_like(W)
    for lo, hi in shards:
        d = np.exp(W[x, lo:hi] - m[:, None]) / s[:, None]
        mine = np.flatnonzero((y >= lo) & (y < hi))
        d[mine, y[mine] - lo] -= 1
        np.add.at(dW[:, lo:hi], x, d / n)
    return (np.log(s) - target_logit).mean(), dW
