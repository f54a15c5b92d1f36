# what: njit, four loops
# call: numba_loss_grad
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW), compiled function itself
# needs: numba
# options: --limit 60

import numpy as np
from numba import njit


@njit
def numba_loss_grad(W, idx, targets):
    B, T = idx.shape
    V = W.shape[1]
    dW = np.zeros_like(W)
    loss = 0.0
    inv = 1.0 / (B * T)
    for b in range(B):
        for t in range(T):
            i = idx[b, t]
            m = W[i, 0]
            for j in range(1, V):
                m = max(m, W[i, j])
            s = 0.0
            for j in range(V):
                s += np.exp(W[i, j] - m)
            loss += np.log(s) - (W[i, targets[b, t]] - m)
            for j in range(V):
                dW[i, j] += np.exp(W[i, j] - m) / s * inv
            dW[i, targets[b, t]] -= inv
    return loss * inv, dW
