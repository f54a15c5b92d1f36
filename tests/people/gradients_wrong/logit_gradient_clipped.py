# what: the gradient of each logit is clipped to 0.02 before it is added up
# call: backprop
# truth: wrong
# names: gradient of the logits clipped to 0.02

import numpy as np


def backprop(W, idx, targets):
    ids, labels = idx.flatten(), targets.flatten()
    rows = np.arange(ids.size)
    h = W[ids] - W[ids].max(axis=1, keepdims=True)
    e = np.exp(h)
    s = e.sum(axis=1, keepdims=True)
    loss = (np.log(s).ravel() - h[rows, labels]).mean()
    dh = e / s
    dh[rows, labels] -= 1
    dh = np.clip(dh, -0.02, 0.02) / ids.size
    out = np.zeros_like(W)
    np.add.at(out, ids, dh)
    return loss, out
