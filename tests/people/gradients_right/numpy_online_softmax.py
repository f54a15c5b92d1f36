# what: running maximum and sum over tiles of four columns, the last tile shorter
# call: streamed
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW)
# needs: none

import numpy as np

TILE = 4


def streamed(W, idx, targets):
    i, y = idx.ravel(), targets.ravel()
    N, V = i.size, W.shape[1]
    m = np.full(N, -np.inf, W.dtype)
    s = np.zeros(N, W.dtype)
    for lo in range(0, V, TILE):
        x = W[i, lo : lo + TILE]
        m_new = np.maximum(m, x.max(axis=1))
        s = s * np.exp(m - m_new) + np.exp(x - m_new[:, None]).sum(axis=1)
        m = m_new
    loss = np.mean(np.log(s) - (W[i, y] - m))
    dW = np.zeros_like(W)
    for lo in range(0, V, TILE):
        hi = min(lo + TILE, V)
        p = np.exp(W[i, lo:hi] - m[:, None]) / s[:, None]
        inside = (y >= lo) & (y < hi)
        p[inside, y[inside] - lo] -= 1
        np.add.at(dW[:, lo:hi], i, p / N)
    return loss, dW
