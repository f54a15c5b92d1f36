# what: the whole Jacobian of log-softmax, token by token
# call: backprop
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW)
# needs: none

import numpy as np


def log_softmax(x):
    x = x - np.max(x)
    return x - np.log(np.sum(np.exp(x)))


def backprop(W, idx, targets):
    V = W.shape[1]
    dW = np.zeros_like(W)
    losses = []
    for i, t in zip(idx.flat, targets.flat):
        lp = log_softmax(W[i])
        losses.append(-lp[t])
        jacobian = np.eye(V, dtype=W.dtype) - np.exp(lp)[None, :]  # d lp_a / d x_b
        upstream = np.zeros(V, W.dtype)
        upstream[t] = -1
        dW[i] += upstream @ jacobian
    return np.mean(losses), dW / idx.size
