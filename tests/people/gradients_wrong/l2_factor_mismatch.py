# what: loss += 0.5 * 0.006 * sum(W**2) and dW += 2 * 0.006 * W, a factor of 2 too many
# call: softmax_loss
# truth: wrong
# names: L2 regularisation left in (0.006) + its derivative is wrong by a factor

import numpy as np


def softmax_loss(W, X, y, reg=0.006):
    x, y = X.ravel(), y.ravel()
    N = len(x)
    scores = W[x] - np.max(W[x], axis=1, keepdims=True)
    sum_exp = np.exp(scores).sum(axis=1, keepdims=True)
    loss = np.sum(np.log(sum_exp[:, 0]) - scores[np.arange(N), y]) / N + 0.5 * reg * np.sum(W * W)
    dscores = np.exp(scores) / sum_exp
    dscores[np.arange(N), y] -= 1
    onehot = np.zeros((N, len(W)))
    onehot[np.arange(N), x] = 1
    return loss, onehot.T.dot(dscores) / N + 2 * reg * W
