# what: the mean of the chunks' means: the shorter last chunk weighs as much as a full one, in loss and gradient
# call: loss_and_grad
# truth: wrong
# names: the mean of the chunks' means
# where: more than 8 tokens and not a multiple of 8

import numpy as np

CHUNK = 8


def chunk_loss_and_grad(W, x, y):
    z = W[x] - W[x].max(1, keepdims=True)
    lse = np.log(np.exp(z).sum(1, keepdims=True))
    d = np.exp(z - lse)
    rows = np.arange(len(x))
    loss = (lse[:, 0] - z[rows, y]).mean()
    d[rows, y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, d / len(x))
    return loss, dW


def loss_and_grad(W, idx, targets):
    x, y = idx.reshape(-1), targets.reshape(-1)
    results = [chunk_loss_and_grad(W, x[s:s + CHUNK], y[s:s + CHUNK]) for s in range(0, len(x), CHUNK)]
    losses, grads = zip(*results)
    return np.mean(losses), np.mean(grads, axis=0).astype(W.dtype)
