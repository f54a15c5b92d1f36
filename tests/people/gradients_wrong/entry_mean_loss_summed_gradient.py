# what: np.mean over all N * V entries makes the loss V times too small, and the gradient is a sum over the tokens, never averaged
# call: step
# truth: wrong
# names: loss divided by V + gradient summed

import numpy as np


class CategoricalCrossEntropy:
    def calculate(self, log_probs, y_true):
        return np.mean(-y_true * log_probs)

    def backward(self, probs, y_true):
        return probs - y_true


def step(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    Y = np.eye(len(W), dtype=W.dtype)[y]
    z = W[x] - np.max(W[x], axis=1, keepdims=True)
    log_probs = z - np.log(np.sum(np.exp(z), axis=1, keepdims=True))
    criterion = CategoricalCrossEntropy()
    loss = criterion.calculate(log_probs, Y)
    dW = np.zeros_like(W)
    np.add.at(dW, x, criterion.backward(np.exp(log_probs), Y))
    return loss, dW
