# what: a course's softmax_loss with a regularization that is 0 by default
# call: softmax_loss_vectorized
# truth: right
# kind: gradient ; interface: (W, X, y, reg=0.0) -> (loss, dW)
# needs: none

import numpy as np


def softmax_loss_vectorized(W, X, y, reg=0.0):
    X, y = X.reshape(-1), y.reshape(-1)
    num_train = X.shape[0]
    scores = W[X]
    scores -= np.max(scores, axis=1, keepdims=True)
    correct = scores[np.arange(num_train), y]
    sums = np.sum(np.exp(scores), axis=1)
    loss = np.sum(np.log(sums) - correct) / num_train + reg * np.sum(W * W)
    probs = np.exp(scores) / sums[:, None]
    probs[np.arange(num_train), y] -= 1
    dW = np.zeros(W.shape, dtype=W.dtype)
    np.add.at(dW, X, probs)
    return loss, dW / num_train + 2 * reg * W
