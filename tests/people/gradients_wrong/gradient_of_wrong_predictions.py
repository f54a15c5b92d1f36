# what: only tokens whose argmax is wrong send a gradient, as in the perceptron; the loss is right
# call: learn
# truth: wrong
# names: gradient only from mispredicted tokens

import numpy as np


def learn(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    N = x.size
    z = W[x] - W[x].max(1, keepdims=True)
    e = np.exp(z)
    p = e / e.sum(1, keepdims=True)
    loss = np.mean(np.log(e.sum(1)) - z[np.arange(N), y])
    dW = np.zeros_like(W)
    for n in range(N):
        if np.argmax(p[n]) != y[n]:
            d = p[n].copy()
            d[y[n]] -= 1
            dW[x[n]] += d / N
    return loss, dW
