# what: the gradient is divided by the batch size B instead of B * T; the loss is the mean over all tokens
# call: step
# truth: wrong
# names: the gradient is divided by the batch size B instead of B * T

import numpy as np


def step(W, idx, targets):
    B, T = idx.shape
    logits = W[idx]  # (B, T, V)
    logits = logits - logits.max(axis=-1, keepdims=True)
    probs = np.exp(logits)
    probs /= probs.sum(axis=-1, keepdims=True)
    b, t = np.indices((B, T))
    logp = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    loss = -logp[b, t, targets].mean()
    dlogits = probs
    dlogits[b, t, targets] -= 1
    dlogits /= B
    dW = np.zeros_like(W)
    np.add.at(dW, idx, dlogits)
    return loss, dW
