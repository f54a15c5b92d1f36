# what: flash-style tiles of 8 columns: the new tile's sum is not scaled to the common maximum on merging
# call: flash_ce
# truth: wrong
# names: online softmax: new tile's sum not rescaled

import numpy as np

TILE = 8


def flash_ce(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    n = np.arange(x.size)
    z = W[x]
    m = z[:, :TILE].max(1)
    s = np.exp(z[:, :TILE] - m[:, None]).sum(1)
    for j in range(TILE, z.shape[1], TILE):
        tile = z[:, j : j + TILE]
        m_tile = tile.max(1)
        m_new = np.maximum(m, m_tile)
        s = s * np.exp(m - m_new) + np.exp(tile - m_tile[:, None]).sum(1)
        m = m_new
    lse = m + np.log(s)
    d = np.exp(z - lse[:, None])
    d[n, y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, d / x.size)
    return (lse - z[n, y]).mean(), dW
