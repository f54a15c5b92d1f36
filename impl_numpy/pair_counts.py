"""The same gradient once more, per character instead of per token. This is what the trainer runs.

All tokens with the same character i look up the same row, so they share its softmax p[i]. Adding up
their (p[i] - onehot(target)) / N over a batch that holds i n[i] times, followed by j C[i, j] times:

    dW[i, j] = (n[i] * p[i, j] - C[i, j]) / N

In words: what the model expected to see, less what it saw. At the minimum the two are the same, and p
is the counts' own frequencies. One V x V table of work however many tokens, and more accurate than
adding token by token: counting is exact. The plain twin is ``cross_entropy.py``.
"""

import math

import numpy as np
from numpy.typing import NDArray

from common.arrays import Array, Ids
from common.errors import UserError
from common.pairs import count_pairs


def loss_and_gradient(W: Array, idx: Ids, targets: Ids) -> tuple[float, Array]:
    """Mean cross-entropy in nats, and a fresh ``dW`` of W's shape and dtype.

    ``W``: (V, V), float32 or float64. ``idx``, ``targets``: of one shape, at least one token, ids in
    [0, V), else ``UserError``.
    """
    counts = count_pairs(idx, targets, len(W))
    if idx.size >= 2**24:  # below this whole numbers are exact in float32, and so are their sums
        return loss_and_gradient_of_counts(W, counts)
    C, N = counts.astype(W.dtype), idx.size
    n = C @ np.ones((len(W), 1), W.dtype)  # exact in any order, and the fastest way to sum rows
    with np.errstate(invalid="ignore"):
        # In C order whatever W's is, so that sum() adds along a row, and in pairs. `e @ ones` and `vdot`
        # add one by one in a few lanes: faster, and 100 roundings off where V is 4,096.
        z = np.subtract(W, W.max(axis=1, keepdims=True), order="C")
        e = np.exp(z)
        s = e.sum(axis=1, keepdims=True)
        seen = np.multiply(C, z, out=z)
    # The mean of -log p = log s - z: neither term is below zero, so nothing cancels.
    loss = float(((n * np.log(s)).sum() - seen.sum()) / N)
    if not math.isfinite(loss):  # an infinite logit, perhaps where it does not count, for 0 * -inf is nan
        return loss_and_gradient_of_counts(W, counts)
    dW = e  # the gradient is made in place of e; no further table is needed
    dW *= n / s  # n * p
    dW -= C
    dW /= N
    return loss, dW


def loss_and_gradient_of_counts(W: Array, counts: NDArray[np.integer]) -> tuple[float, Array]:
    """The same from the ``(V, V)`` integer counts of any number of pairs, whatever the logits: to read."""
    C, n, N = _in_dtype_of(W, counts)
    e, s, loss = _softmax_and_loss(W, C, n, N)
    return loss, (n * (e / s) - C) / N


def loss_of_counts(W: Array, counts: NDArray[np.integer]) -> float:
    """Mean cross-entropy over counted pairs, in nats: the exact loss of a whole text in one table."""
    C, n, N = _in_dtype_of(W, counts)
    return _softmax_and_loss(W, C, n, N)[2]


def _softmax_and_loss(W: Array, C: Array, n: Array, N: np.floating) -> tuple[Array, Array, float]:
    # e (V, V) and its row sums s (V, 1), of which p = e / s, and the mean of -log p over the pairs.
    # Rows of characters that did not occur are left out of it, for 0 * p is not 0 where p is nan.
    z = np.zeros(W.shape, W.dtype)
    np.subtract(W, W.max(axis=1, keepdims=True), out=z, where=n > 0)
    e = np.exp(z)
    s = e.sum(axis=1, keepdims=True)
    logp = np.subtract(z, np.log(s), out=z)
    # Only pairs that occur: where a logit is -inf, 0 * log p would be 0 * -inf = nan.
    seen = np.flatnonzero(C > 0)
    return e, s, float(-(C.ravel()[seen] * logp.ravel()[seen]).sum() / N)


def _in_dtype_of(W: Array, counts: NDArray[np.integer]) -> tuple[Array, Array, np.floating]:
    # C (V, V), n (V, 1) and N, summed as integers, then cast: float32 with int64 would be float64.
    n = counts.sum(axis=1, keepdims=True)
    N = n.sum()
    if N == 0:
        raise UserError("no pairs to average over; give at least one token")
    return counts.astype(W.dtype), n.astype(W.dtype), W.dtype.type(N)
