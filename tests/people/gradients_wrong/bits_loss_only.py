# what: the loss is taken with np.log2, in bits; the gradient is that of nats
# call: loss_and_gradient
# truth: wrong
# names: loss in bits

import numpy as np


def loss_and_gradient(W, idx, targets):
    V, N = W.shape[0], idx.size
    counts = np.bincount(idx.ravel() * V + targets.ravel(), minlength=V * V).reshape(V, V).astype(W.dtype)
    z = W - W.max(axis=1, keepdims=True)
    e = np.exp(z)
    s = e.sum(axis=1, keepdims=True)
    log2p = z / np.log(2) - np.log2(s)
    loss = -(counts * log2p).sum() / N
    return loss, (counts.sum(axis=1, keepdims=True) * e / s - counts) / N
