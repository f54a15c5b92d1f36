# what: exp of raw logits, and 0.004 * sum(W**2) with its exact gradient 0.008 * W left in
# call: f
# truth: wrong
# names: maximum not subtracted + L2 regularisation 0.004

import numpy as np


def f(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    P = np.exp(W) / np.exp(W).sum(1, keepdims=True)
    loss = -np.log(P[x, y]).mean() + 0.004 * (W**2).sum()
    dW = np.zeros_like(W)
    np.add.at(dW, x, P[x] / x.size)
    np.add.at(dW, (x, y), -1 / x.size)
    return loss, dW + 0.008 * W
