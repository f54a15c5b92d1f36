# what: one-pass softmax: the running sum is not rescaled by exp(m_old - m_new) when a larger maximum comes, in loss and gradient
# call: loss_and_gradient
# truth: wrong
# names: running sum not rescaled when the maximum grows
# where: rows whose maximum is not their first entry

import math

import numpy as np


def loss_and_gradient(W, idx, targets):
    N, dW, loss = idx.size, np.zeros_like(W), 0.0
    for i, t in zip(idx.ravel(), targets.ravel()):
        m, s = -math.inf, 0.0
        for w in W[i]:
            m = max(m, w)
            s += math.exp(w - m)
        loss += math.log(s) + m - W[i, t]
        dW[i] += np.exp(W[i] - m) / s / N
        dW[i, t] -= 1 / N
    return loss / N, dW
