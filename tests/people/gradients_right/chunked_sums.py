# what: chunks of 7 tokens whose sums are added and divided once by N: an odd last chunk does not matter
# call: step
# truth: right
# kind: gradient
# needs: none

import numpy as np


def step(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    dW, total = np.zeros_like(W), 0.0
    for s in range(0, x.size, 7):
        xc, yc = x[s:s + 7], y[s:s + 7]
        rows = np.arange(xc.size)
        z = W[xc] - W[xc].max(1, keepdims=True)
        logp = z - np.log(np.exp(z).sum(1, keepdims=True))
        total -= logp[rows, yc].sum()
        d = np.exp(logp)
        d[rows, yc] -= 1
        np.add.at(dW, xc, d)
    return total / x.size, dW / x.size
