# what: logits are divided by 1.7 and the backward pass forgets the factor 1 / 1.7
# call: distill
# truth: wrong
# names: temperature 1.7 + temperature's factor missing in the gradient

import numpy as np


def distill(W, idx, targets, tau=1.7):
    V = len(W)
    flat_i, flat_t = idx.ravel(), targets.ravel()
    z = W[flat_i] / tau
    z -= z.max(axis=1, keepdims=True)
    q = np.exp(z)
    q /= q.sum(axis=1, keepdims=True)
    lse = np.log(np.exp(z).sum(axis=1))
    loss = float((lse - z[np.arange(z.shape[0]), flat_t]).mean())
    onehot = (flat_t[:, None] == np.arange(V)).astype(W.dtype)
    hot_in = (flat_i[:, None] == np.arange(V)).astype(W.dtype)
    return loss, hot_in.T @ (q - onehot) / z.shape[0]
