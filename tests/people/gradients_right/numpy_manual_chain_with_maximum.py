# what: every step with its own backward, through the maximum too, ties to the first
# call: manual_backprop
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW)
# needs: none

import numpy as np


def manual_backprop(W, idx, targets):
    Xb, Yb = idx.reshape(-1), targets.reshape(-1)
    n, r = len(Xb), np.arange(len(Xb))
    # forward
    logits = W[Xb]
    logit_maxes = logits.max(1, keepdims=True)
    norm_logits = logits - logit_maxes
    counts = np.exp(norm_logits)
    counts_sum = counts.sum(1, keepdims=True)
    log_sum = np.log(counts_sum)
    logprobs = norm_logits - log_sum
    loss = -logprobs[r, Yb].mean()
    # backward
    dlogprobs = np.zeros_like(logprobs)
    dlogprobs[r, Yb] = -1.0 / n
    dlog_sum = -dlogprobs.sum(1, keepdims=True)
    dcounts_sum = dlog_sum / counts_sum
    dcounts = dcounts_sum * np.ones_like(counts)
    dnorm_logits = dlogprobs + dcounts * counts
    dlogit_maxes = -dnorm_logits.sum(1, keepdims=True)
    dlogits = dnorm_logits.copy()
    dlogits[r, logits.argmax(1)] += dlogit_maxes[:, 0]
    dW = np.zeros_like(W)
    for k in range(n):
        dW[Xb[k]] += dlogits[k]
    return loss, dW
