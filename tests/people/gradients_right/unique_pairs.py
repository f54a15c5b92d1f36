# what: np.unique over the pairs with counts as weights, one row of work for each distinct pair
# call: loss_and_gradient
# truth: right
# kind: gradient
# needs: none

import numpy as np


def loss_and_gradient(W, idx, targets):
    pairs, weight = np.unique(np.stack([idx.ravel(), targets.ravel()], axis=1), axis=0, return_counts=True)
    x, y = pairs.T
    weight = (weight / idx.size).astype(W.dtype)
    z = W[x] - W[x].max(axis=1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    d = np.exp(logp) * weight[:, None]
    d[np.arange(len(x)), y] -= weight
    dW = np.zeros_like(W)
    np.add.at(dW, x, d)
    return -(weight * logp[np.arange(len(x)), y]).sum(), dW
