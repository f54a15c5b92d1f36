# what: the multiclass SVM loss (margin 1) of the other half of the assignment
# call: svm_loss
# truth: wrong
# names: hinge loss instead of cross-entropy

import numpy as np


def svm_loss(W, X, y, delta=1.0):
    X, y = X.ravel(), y.ravel()
    N = X.size
    scores = W[X]
    correct = scores[np.arange(N), y][:, None]
    margins = np.maximum(0, scores - correct + delta)
    margins[np.arange(N), y] = 0
    loss = margins.sum() / N
    mask = (margins > 0).astype(W.dtype)
    mask[np.arange(N), y] = -mask.sum(axis=1)
    dW = np.zeros_like(W)
    np.add.at(dW, X, mask / N)
    return loss, dW
