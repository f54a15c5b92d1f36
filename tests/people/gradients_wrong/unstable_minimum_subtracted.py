# what: the minimum is subtracted instead of the maximum, "so that nothing is negative"
# call: shift_min
# truth: unstable
# names: minimum subtracted instead of the maximum

import numpy as np


def shift_min(W, idx, targets):
    total, dW, n = 0.0, np.zeros_like(W), idx.size
    for i in range(idx.shape[0]):
        for j in range(idx.shape[1]):
            row = W[idx[i, j]]
            row = row - row.min()
            e = np.exp(row)
            total += np.log(e.sum()) - row[targets[i, j]]
            dW[idx[i, j]] += e / e.sum() / n
            dW[idx[i, j], targets[i, j]] -= 1 / n
    return total / n, dW
