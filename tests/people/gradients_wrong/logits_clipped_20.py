# what: logits are clipped to [-20, 20] before the softmax, the gradient passes straight through the clip
# call: step
# truth: wrong
# names: logits clipped to -20 and 20
# where: only where a visited logit is beyond 20 in absolute value

import numpy as np


def softmax(z):
    z = np.clip(z, -20, 20)  # avoid overflow
    e = np.exp(z)
    return e / e.sum(axis=-1, keepdims=True)


def step(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    p = softmax(W[x])
    loss = -np.mean(np.log(p[np.arange(len(y)), y]))
    d = p.copy()
    d[np.arange(len(y)), y] -= 1.0
    dW = np.zeros_like(W)
    np.add.at(dW, x, d / len(y))
    return loss, dW
