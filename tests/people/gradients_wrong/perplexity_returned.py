# what: the perplexity exp(loss) is returned as the loss, the gradient is that of the mean loss
# call: evaluate
# truth: wrong
# names: perplexity returned instead of the loss

import numpy as np


def evaluate(W, idx, targets):
    x, y = idx.flatten(), targets.flatten()
    shifted = W[x] - W[x].max(1)[:, None]
    Z = np.exp(shifted).sum(1)
    ce = (np.log(Z) - shifted[range(len(y)), y]).mean()
    delta = np.exp(shifted) / Z[:, None]
    delta[range(len(y)), y] -= 1.0
    dW = np.zeros_like(W)
    np.add.at(dW, x, delta / len(y))
    return np.exp(ce), dW
