# what: a scan over sorted ids writes a row when the id changes; the last row is never written
# call: scan
# truth: wrong
# names: last id's row missing in the gradient

import numpy as np


def scan(W, idx, targets):
    order = np.argsort(idx, axis=None, kind="stable")
    x, y = idx.ravel()[order], targets.ravel()[order]
    dW = np.zeros_like(W)
    acc = np.zeros(W.shape[1])
    loss = 0.0
    for k in range(x.size):
        if k > 0 and x[k] != x[k - 1]:
            dW[x[k - 1]] = acc / x.size
            acc = np.zeros(W.shape[1])
        z = W[x[k]] - W[x[k]].max()
        s = np.exp(z).sum()
        loss += np.log(s) - z[y[k]]
        acc += np.exp(z) / s
        acc[y[k]] -= 1
    return loss / x.size, dW
