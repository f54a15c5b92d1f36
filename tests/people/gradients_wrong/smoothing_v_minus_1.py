# what: label smoothing of 0.02 spread over the other V - 1 classes, in loss and gradient
# call: loss_and_gradient
# truth: wrong
# names: labels smoothed by 0.02 over the other classes

import numpy as np


def smooth(y, V, eps, dtype):
    q = np.full((len(y), V), eps / max(V - 1, 1), dtype)
    q[np.arange(len(y)), y] = 1 - eps
    return q


def loss_and_gradient(W, idx, targets, eps=0.02):
    x, y = idx.ravel(), targets.ravel()
    q = smooth(y, len(W), eps, W.dtype)
    z = W[x] - W[x].max(axis=1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    dW = np.zeros_like(W)
    np.add.at(dW, x, (np.exp(logp) * q.sum(axis=1, keepdims=True) - q) / len(x))
    return -(q * logp).sum() / len(x), dW
