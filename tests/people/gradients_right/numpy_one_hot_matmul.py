# what: one-hot inputs, X.T @ dlogits, a cache comes back as well
# call: forward_backward
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW, cache)
# needs: none

import numpy as np


def one_hot(ids, V, dtype):
    return np.eye(V, dtype=dtype)[ids.reshape(-1)]


def forward_backward(W, idx, targets):
    V = W.shape[0]
    X, Y = one_hot(idx, V, W.dtype), one_hot(targets, V, W.dtype)
    logits = W[idx.reshape(-1)]  # X @ W, without 0 * huge
    shifted = logits - logits.max(1, keepdims=True)
    logp = shifted - np.log(np.sum(np.exp(shifted), 1, keepdims=True))
    loss = -np.sum(Y * logp) / len(X)
    dlogits = (np.exp(logp) - Y) / len(X)
    cache = {"X": X, "logp": logp, "dlogits": dlogits}
    return loss, X.T @ dlogits, cache
