# what: two data-parallel workers each return a mean; their losses are averaged, their gradients summed
# call: all_reduce
# truth: wrong
# names: gradients of two workers summed and not averaged

import numpy as np


def worker(W, x, y):
    z = W[x] - W[x].max(1, keepdims=True)
    e = np.exp(z)
    d = e / e.sum(1, keepdims=True)
    d[np.arange(x.size), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, d / x.size)
    return (np.log(e.sum(1)) - z[np.arange(x.size), y]).mean(), dW, x.size


def all_reduce(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    half = x.size // 2
    if half == 0:
        return worker(W, x, y)[:2]
    (l1, g1, n1), (l2, g2, n2) = worker(W, x[:half], y[:half]), worker(W, x[half:], y[half:])
    return (l1 * n1 + l2 * n2) / x.size, (g1 * n1 + g2 * n2) / x.size * 2
