# what: dlogits.T @ onehot instead of onehot.T @ dlogits: the gradient comes back transposed
# call: step
# truth: wrong
# names: gradient transposed

import numpy as np


def step(W, idx, targets):
    V = W.shape[0]
    X = np.eye(V, dtype=W.dtype)[idx.reshape(-1)]
    Y = np.eye(V, dtype=W.dtype)[targets.reshape(-1)]
    logits = W[idx.reshape(-1)]
    logits = logits - logits.max(axis=1, keepdims=True)
    logp = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    loss = -(Y * logp).sum(axis=1).mean()
    dlogits = (np.exp(logp) - Y) / len(X)
    return loss, dlogits.T @ X
