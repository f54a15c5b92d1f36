# what: the gradient's sign is flipped and it is divided by T only
# call: f
# truth: wrong
# names: gradient has the wrong sign + gradient divided by T instead of B*T

import numpy as np


def f(W, idx, targets):
    B, T = idx.shape
    z = W[idx]
    z = z - z.max(-1, keepdims=True)
    s = np.exp(z).sum(-1, keepdims=True)
    onehot = np.eye(len(W))[targets]
    d = (onehot - np.exp(z) / s) / T
    dW = np.zeros_like(W)
    np.add.at(dW, idx, d)
    return np.mean(np.log(s) - (z * onehot).sum(-1, keepdims=True)), dW
