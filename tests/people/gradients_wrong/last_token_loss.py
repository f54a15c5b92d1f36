# what: a loop overwrites the loss, so that only the last token's is returned; the gradient is right
# call: naive
# truth: wrong
# names: loss of the last token only

import numpy as np


def naive(W, idx, targets):
    n = idx.size
    dW = np.zeros_like(W)
    for i in range(n):
        x, y = idx.flat[i], targets.flat[i]
        f = W[x] - np.max(W[x])
        e = np.exp(f)
        loss = -f[y] + np.log(np.sum(e))
        dW[x] += e / np.sum(e) / n
        dW[x, y] -= 1 / n
    return loss, dW
