# what: the backward kernel writes columns in tiles of 6 and leaves the last V % 6 columns at zero
# call: tiled
# truth: wrong
# names: last columns missing in the gradient (tail of a tile of 6)

import numpy as np

BLOCK = 6


def tiled(W, idx, targets):
    V = W.shape[1]
    x, y = idx.ravel(), targets.ravel()
    z = W[x] - W[x].max(1, keepdims=True)
    s = np.exp(z).sum(1)
    dW = np.zeros_like(W)
    for block in range(V // BLOCK):
        lo, hi = block * BLOCK, (block + 1) * BLOCK
        d = np.exp(z[:, lo:hi]) / s[:, None]
        inside = (y >= lo) & (y < hi)
        d[inside, y[inside] - lo] -= 1
        np.add.at(dW[:, lo:hi], x, d / x.size)
    return (np.log(s) - z[np.arange(x.size), y]).mean(), dW
