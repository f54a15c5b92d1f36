# what: cross-entropy is returned, the gradient is that of half the squared error of p, through the softmax Jacobian
# call: network
# truth: wrong
# names: gradient of squared error instead of cross-entropy

import numpy as np


def network(W, idx, targets):
    """Nielsen's quadratic cost derivative under a softmax output layer."""
    dW = np.zeros(W.shape)
    cost = 0.0
    n = idx.size
    for x, y in zip(idx.ravel(), targets.ravel()):
        z = W[x] - W[x].max()
        a = np.exp(z) / np.exp(z).sum()
        cost += np.log(np.exp(z).sum()) - z[y]
        t = np.zeros(len(a))
        t[y] = 1.0
        err = a - t
        delta = a * err - a * np.dot(a, err)
        dW[x] += delta
    return cost / n, dW / n
