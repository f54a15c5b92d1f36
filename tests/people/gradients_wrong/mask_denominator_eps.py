# what: the mean is taken as sum / (mask.sum() + 1e-8), with a mask of ones, in loss and gradient
# call: masked_cross_entropy
# truth: wrong
# names: divided by N + 1e-8

import numpy as np


def masked_cross_entropy(W, idx, targets):
    V = W.shape[0]
    mask = np.ones(idx.shape, dtype=W.dtype)
    denom = mask.sum() + 1e-8
    z = W[idx] - W[idx].max(-1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(-1, keepdims=True))
    onehot = np.eye(V, dtype=W.dtype)[targets]
    loss = -((logp * onehot).sum(-1) * mask).sum() / denom
    dlogits = (np.exp(logp) - onehot) * mask[..., None] / denom
    dW = np.einsum("bti,btj->ij", np.eye(V, dtype=W.dtype)[idx], dlogits)
    return loss, dW
