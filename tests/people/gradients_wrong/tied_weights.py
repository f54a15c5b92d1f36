# what: the transposed gradient is added as if the table were tied on both sides
# call: tied
# truth: wrong
# names: transposed gradient added (weight tying)

import numpy as np


def tied(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    lse = np.array([r.max() + np.log(np.exp(r - r.max()).sum()) for r in W])
    C = np.zeros_like(W)
    np.add.at(C, (x, y), 1 / x.size)
    G = C.sum(1, keepdims=True) * np.exp(W - lse[:, None]) - C
    return (lse[x] - W[x, y]).mean(), G + G.T
