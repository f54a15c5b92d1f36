# what: the mean of the means of chunks of 7 tokens, where the last chunk is shorter
# call: chunked
# truth: wrong
# names: mean of chunk means (short last chunk weighs too much)

import numpy as np


def _chunk(W, x, y):
    z = W[x] - W[x].max(1, keepdims=True)
    s = np.exp(z).sum(1, keepdims=True)
    loss = np.mean(np.log(s[:, 0]) - z[np.arange(len(x)), y])
    d = np.exp(z) / s
    d[np.arange(len(x)), y] -= 1
    g = np.zeros_like(W)
    np.add.at(g, x, d / len(x))
    return loss, g


def chunked(W, idx, targets, size=7):
    x, y = idx.ravel(), targets.ravel()
    parts = [_chunk(W, x[i : i + size], y[i : i + size]) for i in range(0, len(x), size)]
    losses, grads = zip(*parts)
    return np.mean(losses), np.mean(grads, axis=0)
