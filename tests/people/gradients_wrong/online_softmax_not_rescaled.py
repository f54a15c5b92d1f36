# what: online softmax: the running sum is not rescaled when the running maximum grows
# call: online
# truth: wrong
# names: online softmax: running sum not rescaled when the maximum grows

import math
import numpy as np


def online(W, idx, targets):
    V = W.shape[0]
    N = idx.size
    loss = 0.0
    dW = np.zeros((V, V))
    for x, y in zip(idx.ravel().tolist(), targets.ravel().tolist()):
        m, d = -math.inf, 0.0
        for j in range(V):
            m = max(m, W[x, j])
            d += math.exp(W[x, j] - m)
        loss += m + math.log(d) - W[x, y]
        dW[x] += np.exp(W[x] - m) / d / N
        dW[x, y] -= 1.0 / N
    return loss / N, dW
