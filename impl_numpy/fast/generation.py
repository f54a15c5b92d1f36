"""Generation at speed: each character's cumulative probabilities once, then one
bisection a character.

A bigram model looks up the same few rows again and again. Its plain twin,
``BigramLanguageModel.generate`` in ``model.py``, computes a softmax for every character
that it writes, as a model with more context has to; from the same draws both write the
same text.
"""

from bisect import bisect_right

import numpy as np
from numpy.typing import NDArray

from common.arrays import Array, Ids
from common.errors import UserError
from common.pairs import check_ids


def generate(W: Array, idx: Ids, uniforms: Array) -> NDArray[np.int64]:
    """Continues each row of ``idx``, (B, T) with T at least 1, by one id for each
    column of ``uniforms``, (B, n) draws from [0, 1): returns (B, T + n).

    ``W``: the (V, V) table of logits. Raises ``UserError`` for an id outside [0, V).
    """
    if idx.ndim != 2 or idx.shape[1] == 0:
        raise UserError(
            f"idx has shape {idx.shape}; generation starts from (B, T) with T at "
            "least 1"
        )
    check_ids(idx, len(W), "idx")
    T = idx.shape[1]
    written = np.empty((len(idx), T + uniforms.shape[1]), np.int64)
    written[:, :T] = idx
    # All rows at once, unless there are more of them than draws: then only those that
    # are met.
    cdfs = (
        dict(enumerate(cumulative_probabilities(W))) if len(W) <= uniforms.size else {}
    )
    for row, draws in zip(written, uniforms.tolist(), strict=True):
        i, ids = int(row[T - 1]), []
        for draw in draws:
            if i not in cdfs:
                (cdfs[i],) = cumulative_probabilities(W[i : i + 1])
            # the first id whose cumulative probability exceeds the draw
            i = bisect_right(cdfs[i], draw)
            ids.append(i)
        row[T:] = ids
    return written


def cumulative_probabilities(logits: Array) -> list[list[float]]:
    """Of each row of logits, (R, V), in the order of operations of the plain twin;
    those below 1 alone, so that the id after them is the last that can be drawn.
    Where a logit is nan, there are none."""
    with np.errstate(invalid="ignore"):  # in a row that nothing may ever come to
        e = np.exp(logits - logits.max(axis=1, keepdims=True))
        cdf = np.cumsum(e / e.sum(axis=1, keepdims=True), axis=1)
        cdf /= cdf[:, -1:]
    below = (cdf < 1).sum(axis=1).tolist()
    return [row[: below[i]] for i, row in enumerate(cdf.tolist())]
