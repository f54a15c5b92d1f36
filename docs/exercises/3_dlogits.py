"""Exercise 3: dlogits, the derivative of the loss with respect to the scores. Fifteen minutes.

Write ``cross_entropy_backward``: four steps of the chain rule that collapse into one line of algebra.

    bigram check mine/3_dlogits.py:gradient --gradient-only

Hints, if you are stuck:

1. With a pencil first: one token, three characters.
   docs/derivation.md#what-does-each-step-hand-back
2. You have a Jacobian and do not know how to go on?
   docs/derivation.md#where-did-the-softmax-jacobian-go
3. Copy p, subtract 1 at the target of each row, and divide. If you are off by a factor, look at the division:
   docs/derivation.md#why-a-mean-and-over-what
"""

import numpy as np


def softmax(logits):
    """p (N, V)."""
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def cross_entropy_backward(p, targets):
    """dlogits (N, V): the derivative of the *mean* loss over N tokens with respect to each logit.

    ``p`` (N, V): softmax of the logits; ``targets`` (N,).
    """
    raise NotImplementedError("cross_entropy_backward is yours to write")


def gradient(W, idx, targets):
    """dW (V, V): dlogits, added up in the rows that were looked up."""
    idx, targets = idx.ravel(), targets.ravel()
    dW = np.zeros_like(W)
    np.add.at(dW, idx, cross_entropy_backward(softmax(W[idx]), targets))
    return dW
