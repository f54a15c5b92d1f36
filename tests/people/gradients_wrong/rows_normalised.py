# what: softmax minus relative frequencies: every visited row has weight 1 instead of its share n_i / N of the tokens, gradient only
# call: loss_and_gradient
# truth: wrong
# names: softmax minus relative frequencies
# where: more than one distinct id

import numpy as np


def loss_and_gradient(W, idx, targets):
    V = len(W)
    counts = np.zeros((V, V), W.dtype)
    np.add.at(counts, (idx.ravel(), targets.ravel()), 1)
    seen = counts.sum(axis=1, keepdims=True)
    empirical = counts / np.maximum(seen, 1)
    z = W - W.max(axis=1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    loss = -(counts * logp).sum() / counts.sum()
    return loss, np.where(seen > 0, np.exp(logp) - empirical, 0)
