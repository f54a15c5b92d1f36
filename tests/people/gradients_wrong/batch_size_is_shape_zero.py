# what: num_train = X.shape[0] where X is (B, T): the gradient is divided by B, the loss is right
# call: softmax_loss_vectorized
# truth: wrong
# names: gradient divided by B instead of B*T

import numpy as np


def softmax_loss_vectorized(W, X, y):
    """cs231n, assignment 1, adapted to token ids."""
    num_train = X.shape[0]
    scores = W[X]
    scores = scores - scores.max(axis=2, keepdims=True)
    exp_scores = np.exp(scores)
    probs = exp_scores / exp_scores.sum(axis=2, keepdims=True)
    b, t = np.indices(X.shape)
    log_z = np.log(exp_scores.sum(axis=2))
    loss = np.mean(log_z - scores[b, t, y])

    dscores = probs
    dscores[b, t, y] -= 1
    dscores /= num_train
    dW = np.zeros_like(W)
    np.add.at(dW, X.reshape(-1), dscores.reshape(-1, W.shape[1]))
    return loss, dW
