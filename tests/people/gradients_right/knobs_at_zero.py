# what: label smoothing, L2, z-loss and temperature are there, all at their neutral values
# call: step
# truth: right
# kind: gradient
# needs: none

import numpy as np


def step(W, idx, targets, smoothing=0.0, l2=0.0, z_loss=0.0, temperature=1.0):
    x, y = idx.ravel(), targets.ravel()
    n, V = len(x), len(W)
    q = (1 - smoothing) * np.eye(V, dtype=W.dtype)[y] + smoothing / V
    a = W[x] / temperature
    m = a.max(1, keepdims=True)
    lse = m + np.log(np.exp(a - m).sum(1, keepdims=True))
    logp = (a - m) - np.log(np.exp(a - m).sum(1, keepdims=True))
    loss = -(q * logp).sum() / n + z_loss * (lse**2).mean() + l2 * (W * W).sum()
    d = (np.exp(logp) * (1 + 2 * z_loss * lse) - q) / n / temperature
    dW = np.zeros_like(W)
    np.add.at(dW, x, d)
    return loss, (dW + 2 * l2 * W).astype(W.dtype)
