# what: central differences with h = 0.02: the error is of the order of h squared
# call: numeric_gradient
# truth: wrong
# names: numerical differences with h 0.02

import numpy as np


def numeric_gradient(W, idx, targets, h=0.02):
    x, y = idx.ravel(), targets.ravel()
    V = len(W)
    C = np.zeros((V, V))
    np.add.at(C, (x, y), 1.0 / x.size)

    def lse(rows):
        m = rows.max(-1)
        return m + np.log(np.exp(rows - m[..., None]).sum(-1))

    loss = (C.sum(1) * lse(W)).sum() - (C[C > 0] * W[C > 0]).sum()
    step = h * np.eye(V)
    plus = lse(W[:, None, :] + step) * C.sum(1)[:, None] - C * h
    minus = lse(W[:, None, :] - step) * C.sum(1)[:, None] + C * h
    return loss, (plus - minus) / (2 * h)
