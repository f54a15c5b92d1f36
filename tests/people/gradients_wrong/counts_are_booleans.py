# what: the count matrix holds presence and not numbers: C > 0, in the gradient
# call: from_counts
# truth: wrong
# names: pair counts reduced to presence in the gradient

import numpy as np


def from_counts(W, idx, targets):
    V = W.shape[0]
    x, y = idx.ravel(), targets.ravel()
    lse = W.max(1) + np.log(np.exp(W - W.max(1, keepdims=True)).sum(1))
    n = np.bincount(x, minlength=V)
    seen = np.zeros((V, V))
    seen[x, y] = 1
    dW = (n[:, None] * np.exp(W - lse[:, None]) - seen) / x.size
    return (lse[x] - W[x, y]).mean(), dW
