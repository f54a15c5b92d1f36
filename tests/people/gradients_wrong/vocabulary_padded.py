# what: columns are padded with zeros to a multiple of 16, and the padded columns stay in the softmax sum
# call: padded_vocab
# truth: wrong
# names: padded vocabulary columns in the softmax

import numpy as np


def padded_vocab(W, idx, targets):
    V = W.shape[1]
    Vp = (V + 15) // 16 * 16
    logits = np.zeros((idx.size, Vp), W.dtype)
    logits[:, :V] = W[idx.ravel()]
    maxval = logits.max(1, keepdims=True)
    e = np.exp(logits - maxval)
    probs = e / e.sum(1, keepdims=True)
    n = np.arange(idx.size)
    losses = np.log(e.sum(1)) + maxval[:, 0] - logits[n, targets.ravel()]
    dlogits = probs[:, :V].copy()
    dlogits[n, targets.ravel()] -= 1.0
    dW = np.zeros_like(W)
    np.add.at(dW, idx.ravel(), dlogits / idx.size)
    return losses.mean(), dW
