# what: targets equal to V - 1 are masked as padding, but the sum is still divided by all tokens
# call: masked_loss
# truth: wrong
# names: last id ignored as padding + divided by all tokens

import numpy as np


def masked_loss(W, idx, targets):
    PAD = W.shape[0] - 1
    x, y = idx.ravel(), targets.ravel()
    mask = (y != PAD).astype(W.dtype)
    z = W[x] - W[x].max(1, keepdims=True)
    lp = z - np.log(np.exp(z).sum(1, keepdims=True))
    per_token = -lp[np.arange(y.size), y] * mask
    loss = per_token.sum() / y.size
    g = np.exp(lp)
    g[np.arange(y.size), y] -= 1
    g *= mask[:, None]
    dW = np.zeros_like(W)
    np.add.at(dW, x, g / y.size)
    return loss, dW
