# what: vocabulary split in two shards, each subtracts its own maximum (no all-reduce of it) before the sums are added, in loss and gradient
# call: loss_and_gradient
# truth: wrong
# names: each shard of the vocabulary has its own maximum

import numpy as np


def loss_and_gradient(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    n, V = len(x), W.shape[1]
    half = V // 2
    shards, total, picked = [], 0, np.zeros(n, W.dtype)
    for lo, hi in ((0, half), (half, V)):
        if lo == hi:
            continue
        z = W[x, lo:hi]
        z = z - z.max(axis=1, keepdims=True)
        mine = (y >= lo) & (y < hi)
        picked[mine] = z[mine, y[mine] - lo]
        shards.append(np.exp(z))
        total = total + shards[-1].sum(axis=1)
    loss = (np.log(total) - picked).mean()
    d = np.concatenate(shards, axis=1) / total[:, None]
    d[np.arange(n), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, d / n)
    return loss, dW
