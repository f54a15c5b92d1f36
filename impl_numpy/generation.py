"""Generation at speed: each character's cumulative probabilities once, then one bisection a character.

A bigram model looks up the same few rows again and again. Its plain twin, ``BigramLanguageModel.generate`` in
``model.py``, computes a softmax for every character that it writes, as a model with more context has to;
from the same draws both write the same text.
"""

from bisect import bisect_right

import numpy as np
from numpy.typing import NDArray

from common.errors import UserError
from common.pairs import check_ids

Array = NDArray[np.floating]
Ids = NDArray[np.integer]


def generate(W: Array, idx: Ids, uniforms: Array) -> NDArray[np.int64]:
    """Continues each row of ``idx``, (B, T) with T at least 1, by one id for each column of ``uniforms``,
    (B, n) draws from [0, 1): returns (B, T + n).

    ``W``: the (V, V) table of logits. Raises ``UserError`` for an id outside [0, V).
    """
    if idx.ndim != 2 or idx.shape[1] == 0:
        raise UserError(f"idx has shape {idx.shape}; generation starts from (B, T) with T at least 1")
    check_ids(idx, len(W), "idx")
    cdfs: dict[int, list[float]] = {}
    written = []
    for start, draws in zip(idx[:, -1].tolist(), uniforms.tolist(), strict=True):
        ids = [start]
        for draw in draws:
            i = ids[-1]
            if i not in cdfs:
                cdfs[i] = cumulative_probabilities(W[i])
            ids.append(bisect_right(cdfs[i], draw))  # the first id whose cumulative probability exceeds it
        written.append(ids[1:])
    new = np.array(written, np.int64).reshape(uniforms.shape)
    return np.concatenate([idx.astype(np.int64), new], axis=1)


def cumulative_probabilities(logits: Array) -> list[float]:
    """Of one row of logits, (V,), in the order of operations of the plain twin; those below 1 alone, so
    that what follows them is the last id that can be drawn. Where a logit is nan, there are none."""
    e = np.exp(logits - logits.max())
    cdf = np.cumsum(e / e.sum())
    cdf /= cdf[-1]
    return cdf[cdf < 1].tolist()
