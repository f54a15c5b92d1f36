# what: PaLM's z-loss 1e-4 * mean(logsumexp ** 2) is added to the loss, and its derivative to the gradient
# call: loss_and_gradient
# truth: wrong
# names: z-loss 1e-4 left in

import numpy as np

Z_LOSS = 1e-4


def loss_and_gradient(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    n = len(x)
    m = W[x].max(1, keepdims=True)
    lse = m + np.log(np.exp(W[x] - m).sum(1, keepdims=True))
    loss = (lse[:, 0] - W[x, y]).mean() + Z_LOSS * (lse**2).mean()
    d = np.exp(W[x] - lse) * (1 + 2 * Z_LOSS * lse)
    d[np.arange(n), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, d / n)
    return loss, dW
