"""Exercise 4: back through the lookup. Ten minutes.

Write ``embedding_backward``. The forward was ``logits = W[idx]``; a loop over the tokens is a good first
answer.

    bigram check mine/4_scatter_add.py:gradient --gradient-only

Hints, if you are stuck:

1. Some character is in the batch more than once. What happens to its row?
   docs/derivation.md#why-do-repeated-ids-add
2. Some character is not in the batch at all. What is its gradient?
   docs/derivation.md#how-do-tokens-become-counts
3. Without a loop: ``np.add.at``, or a product with a one-hot matrix.
"""

import numpy as np


def cross_entropy_backward(logits, targets):
    """dlogits (N, V): softmax minus one-hot, over N."""
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    dlogits = e / e.sum(axis=1, keepdims=True)
    dlogits[np.arange(len(targets)), targets] -= 1
    return dlogits / len(targets)


def embedding_backward(dlogits, idx, vocab_size):
    """dW (V, V), in the dtype of ``dlogits``.

    ``dlogits`` (N, V): one row for each token; ``idx`` (N,): the row of W that the token looked up.
    """
    raise NotImplementedError("embedding_backward is yours to write")


def gradient(W, idx, targets):
    """dW (V, V)."""
    idx, targets = idx.ravel(), targets.ravel()
    return embedding_backward(cross_entropy_backward(W[idx], targets), idx, len(W))
