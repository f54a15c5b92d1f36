# what: probabilities are clipped to [0.005, 0.995] before log and before p - onehot
# call: sklearn_like
# truth: wrong
# names: probabilities clipped to 0.005

import numpy as np


def sklearn_like(W, idx, targets):
    X, y = idx.ravel(), targets.ravel()
    z = W[X]
    z = z - z.max(axis=1)[:, np.newaxis]
    P = np.exp(z)
    P /= P.sum(axis=1)[:, np.newaxis]
    P = np.clip(P, 0.005, 0.995)
    loss = -np.log(P[np.arange(y.size), y]).mean()
    P[np.arange(y.size), y] -= 1
    dW = np.zeros(W.shape)
    np.add.at(dW, X, P / y.size)
    return loss, dW
