# what: one pass over the classes with a running maximum and a rescaled running sum, pure Python
# call: loss_and_gradient
# truth: right
# kind: gradient
# needs: none

import math

import numpy as np


def loss_and_gradient(W, idx, targets):
    N, dW, loss = idx.size, np.zeros_like(W), 0.0
    for i, t in zip(idx.ravel(), targets.ravel()):
        m, s = -math.inf, 0.0
        for w in W[i]:
            w = float(w)
            new = max(m, w)
            s = s * math.exp(m - new) + math.exp(w - new)
            m = new
        loss += m - float(W[i, t]) + math.log(s)
        dW[i] += np.exp(W[i] - m) / s / N
        dW[i, t] -= 1 / N
    return loss / N, dW
