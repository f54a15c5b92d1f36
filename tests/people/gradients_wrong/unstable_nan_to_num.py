# what: np.nan_to_num turns the infinite loss of an underflowed probability into zero (posinf=0)
# call: no_nans
# truth: unstable
# names: infinite loss replaced by 0 (nan_to_num)

import numpy as np


def no_nans(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    e = np.exp(W[x] - W[x].max(1, keepdims=True))
    p = e / e.sum(1, keepdims=True)
    with np.errstate(divide="ignore"):
        nll = np.nan_to_num(-np.log(p[np.arange(x.size), y]), posinf=0.0)
    p[np.arange(x.size), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, p / x.size)
    return nll.mean(), dW
