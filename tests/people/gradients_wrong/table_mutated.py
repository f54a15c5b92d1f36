# what: W -= W.max(axis=1, keepdims=True) in place: loss and gradient are right, but the caller's table is changed
# call: loss_and_gradient
# truth: wrong
# names: W changed in place

import numpy as np


def loss_and_gradient(W, idx, targets):
    W -= W.max(axis=1, keepdims=True)
    logp = W - np.log(np.exp(W).sum(axis=1, keepdims=True))
    C = np.zeros_like(W)
    np.add.at(C, (idx.ravel(), targets.ravel()), 1)
    return -(C * logp).sum() / idx.size, (C.sum(axis=1, keepdims=True) * np.exp(logp) - C) / idx.size
