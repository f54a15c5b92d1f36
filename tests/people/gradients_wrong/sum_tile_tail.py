# what: the exponentials are added four columns at a time and the last V % 4 columns are never added
# call: unrolled
# truth: wrong
# names: last columns missing in the softmax sum (tail of unrolling by 4)

import numpy as np


def unrolled(W, idx, targets):
    V, N = W.shape[0], idx.size
    dW = np.zeros_like(W)
    loss = 0.0
    for x, y in zip(idx.ravel(), targets.ravel()):
        m = W[x].max()
        e = np.exp(W[x] - m)
        s = 0.0
        for k in range(0, V - 3, 4):
            s += e[k] + e[k + 1] + e[k + 2] + e[k + 3]
        loss += np.log(s) + m - W[x, y]
        dW[x] += e / s / N
        dW[x, y] -= 1 / N
    return loss / N, dW
