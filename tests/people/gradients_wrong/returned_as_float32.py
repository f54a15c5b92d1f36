# what: the gradient is right and is cast to float32 on return, the loss stays float64
# call: f
# truth: wrong
# names: gradient returned in float32

import numpy as np


def f(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    top = W.max(1, keepdims=True)
    lse = top + np.log(np.exp(W - top).sum(1, keepdims=True))
    C = np.zeros(W.shape)
    np.add.at(C, (x, y), 1)
    dW = (np.exp(W - lse) * C.sum(1, keepdims=True) - C) / x.size
    return np.sum((lse - W) * C) / x.size, dW.astype(np.float32)
