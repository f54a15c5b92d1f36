# what: d(-log p) is taken as -1 / (p + 4e-5) and pushed through the whole softmax Jacobian
# call: manual
# truth: wrong
# names: eps 4e-5 in the derivative of the log

import numpy as np


def manual(W, idx, targets):
    Xb, Yb = idx.ravel(), targets.ravel()
    n = Xb.shape[0]
    logits = W[Xb]
    logit_maxes = logits.max(1, keepdims=True)
    norm_logits = logits - logit_maxes
    counts = np.exp(norm_logits)
    counts_sum = counts.sum(1, keepdims=True)
    probs = counts / counts_sum
    loss = -(norm_logits - np.log(counts_sum))[range(n), Yb].mean()
    dprobs = np.zeros_like(probs)
    dprobs[range(n), Yb] = -1.0 / (probs[range(n), Yb] + 4e-5) / n
    dlogits = probs * (dprobs - (dprobs * probs).sum(1, keepdims=True))
    dW = np.zeros_like(W)
    for k in range(n):
        dW[Xb[k]] += dlogits[k]
    return loss, dW
