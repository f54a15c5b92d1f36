# what: the maximum of the whole table is subtracted, so a row far below it underflows to 0/0
# call: loss_and_gradient
# truth: unstable
# names: the maximum of the whole table is subtracted
# where: only where a visited row lies more than 745 below the largest entry of W (708 for full accuracy)

import numpy as np


def loss_and_gradient(W, idx, targets):
    V, n = len(W), idx.size
    Z = W - W.max()
    with np.errstate(all="ignore"):
        E = np.exp(Z)
        S = E.sum(axis=1, keepdims=True)
        P, L = E / S, Z - np.log(S)
    C = np.zeros((V, V), W.dtype)
    np.add.at(C, (idx.ravel(), targets.ravel()), 1)
    r = C.sum(axis=1) > 0
    dW = np.zeros_like(W)
    dW[r] = (C[r].sum(axis=1, keepdims=True) * P[r] - C[r]) / n
    return -(C[r] * L[r]).sum() / n, dW
