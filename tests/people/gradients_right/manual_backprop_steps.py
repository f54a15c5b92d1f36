# what: every step walked back by hand (max, exp, sum, log), the gradient through the maximum included, which comes to zero
# call: loss_and_gradient
# truth: right
# kind: gradient
# needs: none

import numpy as np


def loss_and_gradient(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    n = len(x)
    r = np.arange(n)
    logits = W[x]
    top = logits.argmax(axis=1)
    norm_logits = logits - logits[r, top][:, None]
    counts = np.exp(norm_logits)
    counts_sum = counts.sum(axis=1, keepdims=True)
    logprobs = norm_logits - np.log(counts_sum)
    loss = -logprobs[r, y].mean()

    dlogprobs = np.zeros_like(logprobs)
    dlogprobs[r, y] = -1.0 / n
    dlog_sum = -dlogprobs.sum(axis=1, keepdims=True)
    dcounts_sum = dlog_sum / counts_sum
    dcounts = np.broadcast_to(dcounts_sum, counts.shape)
    dnorm_logits = dlogprobs + dcounts * counts
    dlogits = dnorm_logits.copy()
    dlogits[r, top] -= dnorm_logits.sum(axis=1)
    dW = np.zeros_like(W)
    np.add.at(dW, x, dlogits)
    return loss, dW
