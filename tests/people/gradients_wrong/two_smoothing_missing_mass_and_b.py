# what: smoothed targets without the mass 0.06 / V given back, and the gradient divided by B only
# call: f
# truth: wrong
# names: label smoothing 0.06 in the gradient + gradient divided by B instead of B*T

import numpy as np


def f(W, idx, targets):
    B = idx.shape[0]
    z = W[idx]
    m = z.max(-1, keepdims=True)
    lse = m + np.log(np.exp(z - m).sum(-1, keepdims=True))
    loss = (lse - np.take_along_axis(z, targets[..., None], -1)).mean()
    d = np.exp(z - lse) - 0.94 * np.eye(len(W))[targets]
    dW = np.zeros_like(W)
    np.add.at(dW, idx, d / B)
    return loss, dW
