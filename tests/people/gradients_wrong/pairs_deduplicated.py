# what: np.unique drops repeated (id, target) pairs: each pair counts once, however often it occurs
# call: unique_pairs
# truth: wrong
# names: repeated pairs counted once

import numpy as np


def unique_pairs(W, idx, targets):
    pairs = np.unique(np.stack([idx.ravel(), targets.ravel()], axis=1), axis=0)
    n = len(pairs)
    loss, dW = 0.0, np.zeros_like(W)
    for i, j in pairs:
        z = W[i] - W[i].max()
        s = np.exp(z).sum()
        loss += (np.log(s) - z[j]) / n
        dW[i] += np.exp(z) / s / n
        dW[i, j] -= 1 / n
    return loss, dW
