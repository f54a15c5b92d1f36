# what: functools.partial of a function with more to choose
# call: mean_loss
# truth: right
# kind: gradient ; interface: functools.partial (W, idx, targets) -> (loss, dW)
# needs: none

import functools

import numpy as np


def cross_entropy(W, idx, targets, reduction, label_smoothing):
    V = W.shape[1]
    q = np.full((idx.size, V), label_smoothing / V, W.dtype)
    q[np.arange(idx.size), targets.ravel()] += 1 - label_smoothing
    z = W[idx.ravel()]
    z = z - z.max(1, keepdims=True)
    lse = np.log(np.exp(z).sum(1, keepdims=True))
    scale = {"mean": 1 / idx.size, "sum": 1.0}[reduction]
    loss = (q * (lse - z)).sum() * scale
    dW = np.zeros_like(W)
    np.add.at(dW, idx.ravel(), (np.exp(z - lse) - q) * scale)
    return loss, dW


mean_loss = functools.partial(cross_entropy, reduction="mean", label_smoothing=0.0)
