"""Exercise 2: the loss. Ten minutes.

Write ``cross_entropy``: the mean surprise of the model at the true next characters.

    bigram check mine/2_loss.py:loss --loss-only

Hints, if you are stuck:

1. log p = z - log(sum(exp(z))) with z = logits less their row maximum. Why not the logarithm of p?
   docs/derivation.md#what-is-being-made-small
2. Over how many numbers is the mean taken: N, or N times V?
   docs/derivation.md#why-a-mean-and-over-what
3. ``logp[np.arange(N), targets]`` picks one entry from each row. Its mean, with the sign turned, is the loss.
"""

import numpy as np


def cross_entropy(logits, targets):
    """The mean of -log softmax(logits)[target] over N tokens, in nats: one number.

    ``logits`` (N, V); ``targets`` (N,).
    """
    raise NotImplementedError("cross_entropy is yours to write")


def loss(W, idx, targets):
    """The loss of a batch: a bigram model takes it for N separate pairs."""
    return cross_entropy(np.asarray(W)[idx.ravel()], targets.ravel())
