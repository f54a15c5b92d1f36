# what: the sign of the gradient: onehot - p instead of p - onehot
# call: loss_and_gradient
# truth: wrong
# names: sign of the gradient flipped

import numpy as np


def one_hot(a, V, dtype):
    return np.eye(V, dtype=dtype)[a.reshape(-1)]


def loss_and_gradient(W, idx, targets):
    V = W.shape[1]
    X, Y = one_hot(idx, V, W.dtype), one_hot(targets, V, W.dtype)
    Z = W[idx.reshape(-1)]
    Z = Z - Z.max(axis=1, keepdims=True)
    log_p = Z - np.log(np.exp(Z).sum(axis=1, keepdims=True))
    loss = -np.sum(Y * log_p) / len(Y)
    error = Y - np.exp(log_p)
    return loss, X.T @ error / len(Y)
