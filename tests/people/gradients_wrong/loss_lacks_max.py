# what: the maximum is subtracted inside the logarithm of the sum but not from the target's logit, loss only
# call: step
# truth: wrong
# names: the maximum is subtracted inside the logarithm of the sum but not from the target's logit

import numpy as np


def step(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    n = len(x)
    logits = W[x]
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    denom = shifted.sum(axis=1)
    loss = np.mean(np.log(denom) - logits[np.arange(n), y])
    grad = shifted / denom[:, None]
    grad[np.arange(n), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, grad / n)
    return loss, dW
