# what: gradients in a list, one for each parameter
# call: loss_fn
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, [dW])
# needs: none

import numpy as np


def loss_fn(W, idx, targets):
    pairs, c = np.unique(np.stack([idx.ravel(), targets.ravel()]), axis=1, return_counts=True)
    i, j = pairs
    N = c.sum()
    z = W - W.max(axis=1, keepdims=True)
    lse = np.log(np.exp(z).sum(axis=1))
    loss = np.dot(c, lse[i] - z[i, j]) / N
    dW = np.zeros_like(W)
    dW[i, j] = -c
    n = np.zeros(len(W), W.dtype)
    np.add.at(n, i, c)
    dW += n[:, None] * np.exp(z - lse[:, None])
    return loss, [dW / N]
