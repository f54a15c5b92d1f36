# what: np.histogram2d(bins=V) spans only the ids that occur, so counts move to wrong cells in the gradient
# call: histogram
# truth: wrong
# names: pair counts in the wrong cells

import numpy as np


def histogram(W, idx, targets):
    V = len(W)
    x, y = idx.ravel(), targets.ravel()
    C, _, _ = np.histogram2d(x, y, bins=V)
    m = W.max(1, keepdims=True)
    logp = W - m - np.log(np.exp(W - m).sum(1, keepdims=True))
    dW = (C.sum(1, keepdims=True) * np.exp(logp) - C) / x.size
    return -logp[x, y].mean(), dW
