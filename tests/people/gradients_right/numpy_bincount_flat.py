# what: bincount over i * V + j, the gradient stays flat
# call: flat_gradient
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW of shape (V*V,))
# needs: none

import numpy as np


def flat_gradient(W, idx, targets):
    V = W.shape[0]
    i, y = idx.ravel().astype(np.int64), targets.ravel().astype(np.int64)
    z = W[i] - W[i].max(axis=1, keepdims=True)
    e = np.exp(z)
    s = e.sum(axis=1)
    loss = np.mean(np.log(s) - z[np.arange(i.size), y])
    p = e / s[:, None]
    cells = (i[:, None] * V + np.arange(V)).ravel()
    expected = np.bincount(cells, weights=p.ravel(), minlength=V * V)
    seen = np.bincount(i * V + y, minlength=V * V)
    return loss, ((expected - seen) / i.size).astype(W.dtype)
