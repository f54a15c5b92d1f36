# what: np.sum over all tokens where the mean was meant
# call: total_loss
# truth: wrong
# names: sum instead of mean in the loss
# options: --loss-only

import numpy as np


def total_loss(W, idx, targets):
    z = W[idx]
    a = z.max(-1, keepdims=True)
    lse = (a + np.log(np.exp(z - a).sum(-1, keepdims=True)))[..., 0]
    return np.sum(lse - np.take_along_axis(z, targets[..., None], -1)[..., 0])
