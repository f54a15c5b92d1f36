# what: the complex step, one column of W at a time
# call: gradient
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW)
# needs: none

import numpy as np

H = 1e-40


def losses_by_token(table, idx, targets):
    z = table[idx.ravel()]
    z = z - z.real.max(axis=-1, keepdims=True)
    picked = np.take_along_axis(z, targets.reshape(-1, 1), axis=-1)[:, 0]
    return np.log(np.exp(z).sum(-1)) - picked


def gradient(W, idx, targets):
    W = W.astype(np.complex128)
    V, flat = len(W), idx.ravel()
    dW = np.zeros((V, V))
    for j in range(V):
        moved = W.copy()
        moved[:, j] += 1j * H
        np.add.at(dW[:, j], flat, losses_by_token(moved, idx, targets).imag / H)
    return losses_by_token(W, idx, targets).real.mean(), dW / flat.size
