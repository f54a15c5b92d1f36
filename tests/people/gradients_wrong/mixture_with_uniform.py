# what: the model is 0.99 * softmax + 0.01 / V, interpolated with the uniform distribution, in the loss and its exact derivative
# call: loss_and_gradient
# truth: wrong
# names: mixed with 0.01 / V

import numpy as np

LAMBDA = 0.01


def loss_and_gradient(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    n, V = len(x), W.shape[1]
    e = np.exp(W[x] - W[x].max(1, keepdims=True))
    p = e / e.sum(1, keepdims=True)
    py = p[np.arange(n), y]
    q = (1 - LAMBDA) * py + LAMBDA / V
    d = p.copy()
    d[np.arange(n), y] -= 1
    d *= ((1 - LAMBDA) * py / q / n)[:, None]
    dW = np.zeros_like(W)
    np.add.at(dW, x, d)
    return -np.log(q).mean(), dW
