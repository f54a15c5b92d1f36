# what: scipy's logsumexp, the maximum taken off beforehand; numpy scalars
# call: nll
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (numpy scalar, dW)
# needs: scipy

import numpy as np
from scipy.special import logsumexp


def nll(W, idx, targets):
    centred = W - W.max(axis=1, keepdims=True)
    lse = logsumexp(centred, axis=1)
    loss = (lse[idx] - centred[idx, targets]).mean(dtype=W.dtype)
    grad = np.zeros_like(W)
    np.add.at(grad, idx, np.exp(centred[idx] - lse[idx][..., None]))
    np.add.at(grad, (idx, targets), -1)
    return W.dtype.type(loss), grad / idx.size
