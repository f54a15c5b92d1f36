# what: einsum 'btv,btw->wv' has its output letters swapped: the gradient is transposed
# call: einsum_grad
# truth: wrong
# names: gradient transposed

import numpy as np


def einsum_grad(W, idx, targets):
    V = W.shape[0]
    X = np.eye(V)[idx]
    Y = np.eye(V)[targets]
    logits = W[idx]
    mx = logits.max(-1, keepdims=True)
    logp = logits - mx - np.log(np.exp(logits - mx).sum(-1, keepdims=True))
    loss = -np.einsum("btv,btv->", Y, logp) / idx.size
    G = np.einsum("btv,btw->wv", X, np.exp(logp) - Y) / idx.size
    return loss, G
