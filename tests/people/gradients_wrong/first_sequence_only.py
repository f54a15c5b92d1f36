# what: only the first sequence of the batch is used, idx[0] and targets[0]
# call: single
# truth: wrong
# names: only the first sequence used

import numpy as np


def single(W, idx, targets):
    x, y = idx[0], targets[0]
    loss, dW = 0, np.zeros_like(W)
    for ch1, ch2 in zip(x, y):
        e = np.exp(W[ch1] - W[ch1].max())
        loss += np.log(e.sum()) + W[ch1].max() - W[ch1, ch2]
        dW[ch1] += e / e.sum()
        dW[ch1, ch2] -= 1
    return loss / len(x), dW / len(x)
