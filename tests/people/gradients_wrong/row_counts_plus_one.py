# what: row counts are made count + 1 to avoid dividing by zero: p's coefficient is (n + 1) / N in the gradient
# call: f
# truth: wrong
# names: row counts too high by one in the gradient

import numpy as np


def f(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    C = np.zeros_like(W)
    np.add.at(C, (x, y), 1)
    rows = C.sum(1, keepdims=True) + 1
    m = W.max(1, keepdims=True)
    lse = m + np.log(np.exp(W - m).sum(1, keepdims=True))
    dW = (rows * np.exp(W - lse) - C) / x.size
    return (C * (lse - W)).sum() / x.size, dW
