# what: the gradient still holds the z-loss term 2 * 3.3e-3 * lse * p, which the loss has lost
# call: backward
# truth: wrong
# names: z-loss 3.3e-3 in the gradient

import numpy as np

Z_COEF = 0.0033


def backward(W, idx, targets):
    V = W.shape[0]
    dW = np.zeros((V, V), dtype=W.dtype)
    losses = []
    N = idx.size
    for b in range(idx.shape[0]):
        for t in range(idx.shape[1]):
            ix, iy = idx[b, t], targets[b, t]
            z = W[ix]
            m = z.max()
            lse = m + np.log(np.exp(z - m).sum())
            p = np.exp(z - lse)
            losses.append(lse - z[iy])
            dz = (1 + 2 * Z_COEF * lse) * p
            dz[iy] -= 1
            dW[ix] += dz / N
    return np.mean(losses), dW
