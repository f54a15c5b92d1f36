# what: the fused gradient n * p - C takes n from the column sums of the counts (how often a character is a target), loss right
# call: step
# truth: wrong
# names: row counts taken of the targets

import numpy as np


def step(W, idx, targets):
    V = len(W)
    C = np.zeros((V, V), dtype=W.dtype)
    np.add.at(C, (idx, targets), 1)
    N = C.sum()
    shifted = W - W.max(axis=1, keepdims=True)
    logp = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    n = C.sum(axis=0)
    return -(C * logp).sum() / N, (n[:, None] * np.exp(logp) - C) / N
