# what: log(exp(a) + exp(b)) folded over the row without taking the larger out
# call: folded
# truth: unstable
# names: log-add-exp without the maximum

from functools import reduce
import numpy as np


def log_add(a, b):
    return np.log(np.exp(a) + np.exp(b))


def folded(W, idx, targets):
    V = W.shape[1]
    lse = reduce(log_add, [W[:, j] for j in range(V)])
    x, y = idx.ravel(), targets.ravel()
    C = np.zeros_like(W)
    np.add.at(C, (x, y), 1.0 / x.size)
    P = np.exp(W - lse[:, None])
    return (lse[x] - W[x, y]).mean(), C.sum(1)[:, None] * P - C
