# what: each row's gradient is divided by its own count instead of N, plus 7e-4 * sign(W)
# call: f
# truth: wrong
# names: each row's gradient divided by its count + L1 regularisation 7e-4 in the gradient

import numpy as np


def f(W, idx, targets):
    V = len(W)
    C = np.zeros((V, V))
    for i, j in zip(idx.ravel(), targets.ravel()):
        C[i, j] += 1
    m = W.max(1, keepdims=True)
    lse = m + np.log(np.exp(W - m).sum(1, keepdims=True))
    n = C.sum(1, keepdims=True)
    G = np.where(n > 0, np.exp(W - lse) - C / np.maximum(n, 1), 0)
    return (C * (lse - W)).sum() / idx.size, G + 7e-4 * np.sign(W)
