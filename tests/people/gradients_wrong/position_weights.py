# what: positions are weighted by 1 / (t + 1), so late tokens count less, in loss and gradient
# call: weighted
# truth: wrong
# names: positions weighted by 1/(t+1)

import numpy as np


def weighted(W, idx, targets):
    B, T = idx.shape
    discount = 1.0 / (np.arange(T) + 1.0)
    z = W[idx]
    z = z - z.max(-1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(-1, keepdims=True))
    nll = -np.take_along_axis(logp, targets[:, :, None], 2)[:, :, 0]
    loss = (nll * discount).mean()
    d = np.exp(logp)
    np.put_along_axis(d, targets[:, :, None], np.take_along_axis(d, targets[:, :, None], 2) - 1, 2)
    d *= discount[None, :, None] / (B * T)
    dW = np.zeros_like(W)
    np.add.at(dW, idx, d)
    return loss, dW
