# what: (x, y, weights)
# call: cost
# truth: right
# kind: gradient ; interface: (x, y, weights) -> (loss, dW)
# needs: none

import numpy as np


def cost(x, y, weights):
    """Mean negative log likelihood of y after x."""
    K = weights.shape[1]
    total = 0
    gradient = np.zeros_like(weights)
    for k in np.unique(x):
        row = weights[k] - np.amax(weights[k])
        log_norm = np.log(np.sum(np.exp(row)))
        followers = np.bincount(y[x == k].ravel(), minlength=K)
        # 0 * a very negative number is 0
        total += np.sum(followers * (log_norm - row))
        gradient[k] = followers.sum() * np.exp(row - log_norm) - followers
    return total / x.size, gradient / x.size
