# what: the gradient is summed over tokens
# call: backward
# truth: wrong
# names: sum instead of mean in the gradient
# options: --gradient-only

import numpy as np


def backward(W, idx, targets):
    P = np.exp(W - W.max(1, keepdims=True))
    P /= P.sum(1, keepdims=True)
    D = P[idx] - np.eye(len(W))[targets]
    dW = np.zeros_like(W)
    np.add.at(dW, idx, D)
    return dW
