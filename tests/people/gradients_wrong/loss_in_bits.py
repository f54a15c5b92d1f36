# what: the loss uses log2, the gradient is that of nats
# call: bigram_loss
# truth: wrong
# names: log2 in the loss

import numpy as np


def bigram_loss(W, xs, ys):
    V = len(W)
    dW = np.zeros((V, V))
    bits = 0.0
    n = xs.size
    for x, y in zip(xs.flat, ys.flat):
        row = W[x] - np.max(W[x])
        e = np.exp(row)
        s = e.sum()
        bits += np.log2(s) - row[y] / np.log(2)
        g = e / s
        g[y] -= 1
        dW[x] += g / n
    return bits / n, dW
