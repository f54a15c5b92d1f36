# what: k = 0.02 is added to every exponential before normalising (add-k), gradient p - onehot of those p
# call: add_k
# truth: wrong
# names: 0.02 added to every exponential of the softmax

import numpy as np

K = 0.02


def add_k(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    counts = np.exp(W - W.max(axis=1, keepdims=True)) + K
    P = counts / counts.sum(axis=1, keepdims=True)
    loss = -np.log(P[x, y]).mean()
    N = np.zeros_like(W)
    np.add.at(N, (x, y), 1.0 / x.size)
    return loss, N.sum(axis=1, keepdims=True) * P - N
