# what: softmax backward p * (g - sum(g * p)) sums over axis 0, the batch, instead of over the classes
# call: step
# truth: wrong
# names: softmax Jacobian's sum over tokens
# where: N > 1; 0/0 in extreme logits comes on top, since g = -onehot / p

import numpy as np


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def softmax_backward(grad, p):
    return p * (grad - (grad * p).sum(axis=0, keepdims=True))


def step(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    Y = np.eye(W.shape[1], dtype=W.dtype)[y]
    p = softmax(W[x])
    with np.errstate(all="ignore"):
        loss = -np.log(p[np.arange(len(y)), y]).mean()
        dlogits = softmax_backward(-Y / p / len(y), p)
    dW = np.zeros_like(W)
    np.add.at(dW, x, dlogits)
    return loss, dW
