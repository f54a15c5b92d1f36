# what: pair counts from one bincount of x * V + y; unvisited rows stay exactly 0
# call: loss_and_gradient
# truth: right
# kind: gradient
# needs: none

import numpy as np


def loss_and_gradient(W, idx, targets):
    V = W.shape[0]
    C = np.bincount((idx * V + targets).ravel(), minlength=V * V).reshape(V, V)
    N = C.sum()
    n = C.sum(axis=1, keepdims=True)
    W0 = W - np.max(W, axis=1, keepdims=True)
    logp = W0 - np.log(np.exp(W0).sum(axis=1, keepdims=True))
    loss = -np.sum(C * logp) / N
    return loss, ((n * np.exp(logp) - C) / N).astype(W.dtype)
