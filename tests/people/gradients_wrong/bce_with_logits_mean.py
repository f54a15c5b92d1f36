# what: binary cross-entropy with logits over one-hot targets, averaged over all N*V entries
# call: bce
# truth: wrong
# names: binary cross-entropy instead of softmax cross-entropy

import numpy as np


def bce(W, idx, targets):
    V = W.shape[1]
    z = W[idx.ravel()]
    y = np.eye(V)[targets.ravel()]
    loss = np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))
    s = 0.5 * (1 + np.tanh(0.5 * z))
    dW = np.zeros_like(W)
    np.add.at(dW, idx.ravel(), (s - y) / z.size)
    return loss.mean(), dW
