# what: the backward pass goes through 1 / p of a p that underflows: 0 * inf in the gradient, loss exact
# call: chain
# truth: unstable
# names: division by an underflowed probability in the gradient

import numpy as np


def chain(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    r = np.arange(x.size)
    z = W[x]
    m = z.max(1, keepdims=True)
    lse = m + np.log(np.exp(z - m).sum(1, keepdims=True))
    p = np.exp(z - lse)
    dp = np.zeros_like(p)
    dp[r, y] = -1.0 / p[r, y] / x.size
    dz = p * dp - p * np.einsum("nv,nv->n", p, dp)[:, None]
    dW = np.zeros_like(W)
    np.add.at(dW, x, dz)
    return (lse[:, 0] - z[r, y]).mean(), dW
