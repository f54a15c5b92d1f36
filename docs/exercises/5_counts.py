"""Exercise 5: the same from counts, once per character instead of once per token. Twenty minutes.

Write ``loss_and_gradient_of_counts``. No token is left: all you get is how often each pair occurred.

    bigram check mine/5_counts.py:loss_and_gradient

Hints, if you are stuck:

1. n, (V, 1), is the row sum of C, and N the sum of everything.
   docs/derivation.md#how-do-tokens-become-counts
2. In the loss a pair counts as often as it occurred. In the gradient it is expected n p times and seen C
   times.
3. The loss is -(C * logp).sum() / N. Rows that did not occur have n = 0: do not divide by n, but by N.
"""

import numpy as np


def loss_and_gradient_of_counts(W, C):
    """Mean cross-entropy in nats, and dW (V, V).

    ``W`` (V, V): the logits; ``C`` (V, V): ``C[i, j]`` is how often j followed i, in W's dtype.
    """
    raise NotImplementedError("loss_and_gradient_of_counts is yours to write")


def loss_and_gradient(W, idx, targets):
    """The same from the ids of a batch."""
    C = np.zeros_like(W)
    np.add.at(C, (idx, targets), 1)
    return loss_and_gradient_of_counts(W, C)
