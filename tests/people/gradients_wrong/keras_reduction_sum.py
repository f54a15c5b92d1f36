# what: the loss and its gradient are summed over all tokens instead of averaged (Keras Reduction.SUM)
# call: sparse_categorical_crossentropy
# truth: wrong
# names: sum instead of mean in the loss + sum instead of mean in the gradient

import numpy as np


def sparse_categorical_crossentropy(W, idx, targets):
    y_pred = W[idx]
    y_pred = y_pred - np.amax(y_pred, axis=-1, keepdims=True)
    log_norm = np.log(np.sum(np.exp(y_pred), axis=-1, keepdims=True))
    log_probs = y_pred - log_norm
    picked = np.take_along_axis(log_probs, targets[..., None], axis=-1)
    loss = -np.sum(picked)
    y_true = np.eye(W.shape[0])[targets]
    grad_logits = np.exp(log_probs) - y_true
    grad = np.zeros(W.shape)
    np.add.at(grad, idx, grad_logits)
    return loss, grad
