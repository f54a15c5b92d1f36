"""Exercise 7: the bound. How far off may a correct gradient be? Thirty minutes, and a pencil.

Write ``bound``, for the roughest of correct programs: it takes p as exp(log p), and adds the gradient up
token by token.

    python docs/exercises/check_bound.py mine/7_bound.py:gradient_bound

Hints, if you are stuck:

1. What does the rounding of z do to exp(z), and what do the errors of the e do to their sum?
   docs/bound.md#how-far-off-may-correct-code-be
2. What of n p carries an error, how large is it beside n p - C, and what is C's?
3. Each of n additions rounds what has come together so far. How much can that be?
4. For all that depends on neither the table nor the counts take 32, and for probabilities below the
   smallest normal number another 4 tiny n / N.
"""

import numpy as np


def bound(u, tiny, z, logp, p, C, n, N):
    """The largest error of each entry of dW, (V, V), of a program that computes in numbers with roundoff u.

    ``u``: the largest relative error of one rounding; ``tiny``: the smallest normal number. ``z``, ``logp``,
    ``p`` (V, V): logits less their row maximum, log softmax and softmax, exact; ``C`` (V, V): the counts of
    the pairs; ``n`` (V, 1): their row sums; ``N``: their sum.
    """
    raise NotImplementedError("bound is yours to write")


def gradient_bound(W, counts):
    """The same from the table, float32 or float64, and the counts of a batch, both (V, V)."""
    x = W.astype(np.float64)
    z = x - x.max(axis=1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    p = np.exp(logp)
    z[p == 0] = logp[p == 0] = 0  # a p of 0 is exact
    n = counts.sum(axis=1, keepdims=True)
    kind = np.finfo(W.dtype)
    return bound(float(kind.eps) / 2, float(kind.tiny), z, logp, p, counts, n, int(n.sum()))
