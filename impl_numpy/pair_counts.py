"""The same gradient once more, per character instead of per token.

All tokens with the same character i look up the same row, so they share its softmax
p[i]. Adding up their (p[i] - onehot(target)) / N over a batch that holds i n[i] times,
followed by j C[i, j] times:

    dW[i, j] = (n[i] * p[i, j] - C[i, j]) / N

In words: what the model expected to see, less what it saw. At the minimum the two are
the same, and p is the counts' own frequencies. One V x V table of work however many
tokens, and more accurate than adding token by token: counting is exact. The plain twin
is ``cross_entropy.py``; the fast one, which the training command runs, is
``fast/pair_counts.py``.
"""

import numpy as np
from numpy.typing import NDArray

from common.arrays import Array, Ids
from common.errors import UserError
from common.pairs import count_pairs


def loss_and_gradient(W: Array, idx: Ids, targets: Ids) -> tuple[float, Array]:
    """Mean cross-entropy in nats, and a fresh ``dW`` of W's shape and dtype.

    ``W``: (V, V), float32 or float64. ``idx``, ``targets``: of one shape, at least one
    token, ids in [0, V), else ``UserError``.
    """
    return loss_and_gradient_of_counts(W, count_pairs(idx, targets, len(W)))


def loss_and_gradient_of_counts(
    W: Array, counts: NDArray[np.integer]
) -> tuple[float, Array]:
    """The same from the ``(V, V)`` integer counts of any number of pairs."""
    C, n, N = _in_dtype_of(W, counts)
    loss, p = _loss_and_softmax(W, C, n, N)
    return loss, (n * p - C) / N


def loss_of_counts(W: Array, counts: NDArray[np.integer]) -> float:
    """Mean cross-entropy over counted pairs, in nats: the exact loss of a whole text in
    one table."""
    loss, _ = _loss_and_softmax(W, *_in_dtype_of(W, counts))
    return loss


def _loss_and_softmax(
    W: Array, C: Array, n: Array, N: np.floating
) -> tuple[float, Array]:
    # A row that the batch does not hold has no part in either; 0 * nan would be nan, so
    # it is cleared.
    W = np.where(n > 0, W, 0)
    # In C order, so that sum() adds along a row, and in pairs. Other orders add one by
    # one in a few lanes: 100 roundings off where V is 4,096.
    z = np.subtract(W, W.max(axis=1, keepdims=True), order="C")
    e = np.exp(z)
    s = e.sum(axis=1, keepdims=True)
    logp = z - np.log(s)
    # Only pairs that occur: where a logit is -inf, 0 * log p would be 0 * -inf = nan.
    seen = C > 0
    return float(-(C[seen] * logp[seen]).sum() / N), e / s


def _in_dtype_of(
    W: Array, counts: NDArray[np.integer]
) -> tuple[Array, Array, np.floating]:
    # C (V, V), n (V, 1) and N, summed as integers, then cast: float32 with int64 would
    # be float64.
    n = counts.sum(axis=1, keepdims=True)
    N = n.sum()
    if N == 0:
        raise UserError("no pairs to average over; give at least one token")
    return counts.astype(W.dtype), n.astype(W.dtype), W.dtype.type(N)
