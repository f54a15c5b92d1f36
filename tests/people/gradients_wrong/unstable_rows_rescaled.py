# what: rows whose largest absolute logit exceeds 300 are scaled down to 300 before the softmax
# call: normalise_rows
# truth: unstable
# names: large logits rescaled to 300

import numpy as np

LIMIT = 300.0


def normalise_rows(W, idx, targets):
    size = np.abs(W).max(axis=1, keepdims=True)
    T = W * (LIMIT / np.maximum(size, LIMIT))
    x, y = idx.ravel(), targets.ravel()
    z = T[x] - T[x].max(1, keepdims=True)
    e = np.exp(z)
    s = e.sum(1)
    d = e / s[:, None]
    d[np.arange(x.size), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, d / x.size)
    return (np.log(s) - z[np.arange(x.size), y]).mean(), dW
