# what: ids are flattened time-major (idx.T) and targets are not, in loss and gradient, and the loss is in bits
# call: f
# truth: wrong
# names: ids transposed (batch and time swapped) + log2 in the loss

import numpy as np


def f(W, idx, targets):
    pairs = list(zip(idx.T.ravel(), targets.ravel()))
    bits, dW = 0.0, np.zeros_like(W)
    for i, j in pairs:
        row = W[i] - W[i].max()
        s = np.exp(row).sum()
        bits += np.log2(s) - row[j] * np.log2(np.e)
        dW[i] += np.exp(row) / s / len(pairs)
        dW[i, j] -= 1 / len(pairs)
    return bits / len(pairs), dW
