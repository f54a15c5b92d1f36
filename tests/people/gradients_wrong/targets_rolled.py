# what: np.roll(targets, -1, axis=1) shifts targets once more, and wraps the first to the end
# call: lm_loss
# truth: wrong
# names: targets shifted by one with wrap-around

import numpy as np


def lm_loss(W, idx, targets):
    y = np.roll(targets, -1, axis=1)
    logits = W[idx]
    logits = logits - logits.max(axis=-1, keepdims=True)
    logp = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    nll = -np.take_along_axis(logp, y[..., None], axis=-1)
    d = np.exp(logp)
    b, t = np.ogrid[: y.shape[0], : y.shape[1]]
    d[b, t, y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, idx, d / y.size)
    return nll.mean(), dW
