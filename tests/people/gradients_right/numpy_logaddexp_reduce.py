# what: np.logaddexp.reduce gives the normalizer
# call: nll_and_grad
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW)
# needs: none

import numpy as np


def nll_and_grad(W, idx, targets):
    rows, inverse, counts = np.unique(idx, return_inverse=True, return_counts=True)
    R = W[rows]
    R = R - R.max(axis=1, keepdims=True)
    logp = R - np.logaddexp.reduce(R, axis=1, keepdims=True)
    inverse = inverse.reshape(-1)
    loss = -logp[inverse, targets.reshape(-1)].mean()
    G = counts[:, None] * np.exp(logp)
    np.subtract.at(G, (inverse, targets.reshape(-1)), 1.0)
    dW = np.zeros_like(W)
    dW[rows] = G / idx.size
    return loss, dW
