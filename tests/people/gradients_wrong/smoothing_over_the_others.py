# what: label smoothing of 0.08 spread over the V - 1 other classes, in loss and gradient
# call: smoothed
# truth: wrong
# names: label smoothing 0.08 over the other classes

import numpy as np

CONFIDENCE = 0.92


def smoothed(W, idx, targets):
    V = W.shape[1]
    x, y = idx.ravel(), targets.ravel()
    true_dist = np.full((x.size, V), (1 - CONFIDENCE) / max(V - 1, 1))
    true_dist[np.arange(x.size), y] = CONFIDENCE if V > 1 else 1.0
    logits = W[x] - W[x].max(axis=1, keepdims=True)
    logp = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    loss = -(true_dist * logp).sum(axis=1).mean()
    dW = np.zeros_like(W)
    np.add.at(dW, x, (np.exp(logp) - true_dist) / x.size)
    return loss, dW
