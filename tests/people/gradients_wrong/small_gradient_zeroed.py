# what: gradient entries below 1.2e-4 in size are set to zero (gradient compression)
# call: f
# truth: wrong
# names: gradient entries below 1.2e-4 set to zero

import numpy as np


def f(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    m = W.max(1, keepdims=True)
    lse = m + np.log(np.exp(W - m).sum(1, keepdims=True))
    dW = np.zeros_like(W)
    np.add.at(dW, x, np.exp(W - lse)[x] / x.size)
    np.add.at(dW, (x, y), -1 / x.size)
    dW[np.abs(dW) < 1.2e-4] = 0
    return (lse[x, 0] - W[x, y]).mean(), dW
