# what: log10 in the loss, and the gradient is exactly that loss's: both too small by ln 10
# call: nll
# truth: wrong
# names: log10 instead of natural log in loss and gradient

import math
import numpy as np

LN10 = math.log(10)


def nll(W, idx, targets):
    N = idx.size
    x, y = idx.reshape(N), targets.reshape(N)
    rows = W[x]
    m = rows.max(axis=1)
    lse10 = m / LN10 + np.log10(np.exp(rows - m[:, None]).sum(axis=1))
    loss = (lse10 - rows[np.arange(N), y] / LN10).sum() / N
    p = 10 ** (rows / LN10 - lse10[:, None])
    p[np.arange(N), y] -= 1
    g = np.zeros_like(W)
    for i in range(N):
        g[x[i]] += p[i] / (N * LN10)
    return loss, g
