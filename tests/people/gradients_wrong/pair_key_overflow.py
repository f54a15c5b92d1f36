# what: x * V + y is computed in uint8 and wraps around at 256, so counts land in wrong pairs (V above 16)
# call: counts_grad
# truth: wrong
# names: integer overflow of the pair index (uint8)

import numpy as np


def counts_grad(W, idx, targets):
    V = W.shape[0]
    x, y = idx.ravel().astype(np.uint8), targets.ravel().astype(np.uint8)
    key = x * np.uint8(V) + y
    C = np.bincount(key, minlength=V * V)[: V * V].reshape(V, V) / x.size
    m = W.max(1, keepdims=True)
    lse = m + np.log(np.exp(W - m).sum(1, keepdims=True))
    loss = (lse[x, 0] - W[x, y]).mean()
    return loss, np.exp(W - lse) * C.sum(1, keepdims=True) - C
