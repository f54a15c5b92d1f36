# what: a port of 1-based code: y - 1 is used as the target's index (0 wraps to the last class), in loss and gradient
# call: softmax_loss
# truth: wrong
# names: targets one place off
# where: V > 1

import numpy as np


def softmax_loss(W, idx, targets):
    m = idx.size
    loss, dW = 0.0, np.zeros_like(W)
    for k in range(m):
        i, label = idx.flat[k], targets.flat[k]
        z = W[i] - W[i].max()
        h = np.exp(z) / np.exp(z).sum()
        loss = loss - (z[label - 1] - np.log(np.exp(z).sum()))
        for c in range(len(z)):
            dW[i, c] += h[c] - (c == (label - 1) % len(z))
    return loss / m, dW / m
