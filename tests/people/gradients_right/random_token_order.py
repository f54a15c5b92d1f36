# what: tokens in random order, log1p of the sum less one
# call: shuffled
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW)
# needs: none

import numpy as np


def shuffled(W, idx, targets):
    A = W - W.max(axis=1, keepdims=True)
    i, t = idx.ravel(), targets.ravel()
    P = np.exp(A)
    P = P / P.sum(axis=1, keepdims=True)
    logZ = np.log1p(np.exp(A).sum(axis=1) - 1)
    order = np.random.permutation(i.size)  # any order gives the same sum
    G = np.zeros_like(W)
    for k in order:
        G[i[k]] += P[i[k]]
        G[i[k], t[k]] -= 1
    return np.mean(logZ[i] - A[i, t]), G / i.size
