# what: the inputs are reversed in time and the targets are not
# call: backwards
# truth: wrong
# names: inputs reversed in time

import numpy as np


def backwards(W, idx, targets):
    x = idx[:, ::-1].ravel()
    y = targets.ravel()
    m = W.max(1)
    lse = m + np.log(np.exp(W - m[:, None]).sum(1))
    C = np.zeros_like(W)
    np.add.at(C, (x, y), 1)
    dW = C.sum(1)[:, None] * np.exp(W - lse[:, None]) - C
    return np.mean(lse[x] - W[x, y]), dW / x.size
