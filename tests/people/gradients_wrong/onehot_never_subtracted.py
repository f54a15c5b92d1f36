# what: the gradient is p / N, the one-hot target is never subtracted
# call: f
# truth: wrong
# names: one-hot not subtracted

import numpy as np


def f(W, idx, targets):
    loss, dW = 0.0, np.zeros_like(W)
    N = idx.size
    for i, t in zip(idx.flat, targets.flat):
        scores = W[i] - np.max(W[i])
        log_sum = np.log(np.sum(np.exp(scores)))
        loss += log_sum - scores[t]
        dW[i] += np.exp(scores - log_sum) / N
    return loss / N, dW
