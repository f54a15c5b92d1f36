# what: C[x, y] += 1 counts a repeated pair once: loss and gradient are the mean over distinct pairs
# call: step
# truth: wrong
# names: mean over distinct pairs
# where: batches with a repeated (id, target) pair

import numpy as np


def step(W, idx, targets):
    C = np.zeros_like(W)
    C[idx.ravel(), targets.ravel()] += 1
    total = C.sum()
    m = W.max(axis=1, keepdims=True)
    logp = W - m - np.log(np.exp(W - m).sum(axis=1, keepdims=True))
    loss = -np.sum(C * logp) / total
    dW = (np.exp(logp) * C.sum(axis=1, keepdims=True) - C) / total
    return loss, dW
