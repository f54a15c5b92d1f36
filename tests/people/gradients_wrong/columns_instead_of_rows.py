# what: the table is read by columns, z = W[:, i] as in W @ x with a column vector, in loss and gradient
# call: step
# truth: wrong
# names: the table is read by columns

import numpy as np


def step(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    n = x.size
    Z = W[:, x]  # (V, N), one column a token
    Z = Z - Z.max(axis=0)
    logP = Z - np.log(np.exp(Z).sum(axis=0))
    loss = -logP[y, np.arange(n)].mean()
    dZ = np.exp(logP)
    dZ[y, np.arange(n)] -= 1
    X = np.zeros((len(W), n), W.dtype)
    X[x, np.arange(n)] = 1
    return loss, dZ @ X.T / n
