"""Exercise 1: softmax, from scores to probabilities. Ten minutes.

Write ``softmax``. Everything around it is done: the gradient below is right as soon as your probabilities
are.

    bigram check mine/1_softmax.py:gradient --gradient-only

Hints, if you are stuck:

1. Each row is a separate distribution. Which axis is summed over, and what does ``keepdims=True`` keep?
   docs/derivation.md#what-is-the-example
2. One of the cases has a logit of 1,000. What is exp(1000)? Which number may be subtracted from a row first?
   docs/derivation.md#what-is-being-made-small
3. Subtract the maximum of each row, take the exponential, divide by the sum of each row: three lines.
"""

import numpy as np


def softmax(logits):
    """p, of the shape of ``logits`` (N, V): exp(logits), divided so that every row sums to one."""
    raise NotImplementedError("softmax is yours to write")


def gradient(W, idx, targets):
    """dW (V, V): softmax minus one-hot over N, added up in the rows that were looked up."""
    idx, targets = idx.ravel(), targets.ravel()
    dlogits = np.array(softmax(W[idx]))
    dlogits[np.arange(len(targets)), targets] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, idx, dlogits / len(targets))
    return dW
