"""Counting neighbours: all that a bigram model can ever learn from a text."""

import numpy as np
from numpy.typing import NDArray

from common.errors import UserError

# tokens of a text counted at a time: small enough for the cache
PART = 1 << 16


def check_ids(ids: NDArray[np.integer], vocab_size: int, name: str) -> None:
    """Raises ``UserError`` unless every id is an integer in [0, V).

    NumPy itself would take -1 for the last row, and PyTorch's cross-entropy leaves
    every target of -100 out of the mean without a word.
    """
    if ids.dtype.kind not in "iu":
        raise UserError(f"{name} has dtype {ids.dtype}; ids must be integers")
    # Seen as unsigned, a negative id is a huge one: one comparison finds both kinds.
    if (
        ids.size
        and ids.view(f"{ids.dtype.byteorder}u{ids.itemsize}").max() >= vocab_size
    ):
        wrong = ids[(ids < 0) | (ids >= vocab_size)].flat[0]
        raise UserError(
            f"{name} holds the id {wrong}; ids run from 0 to {vocab_size - 1}"
        )


def check_pairs(
    idx: NDArray[np.integer], targets: NDArray[np.integer], vocab_size: int
) -> None:
    """Raises ``UserError`` unless every id has one target, all are in [0, V), and there
    is at least one."""
    if idx.shape != targets.shape:
        raise UserError(
            f"idx has shape {idx.shape} and targets {targets.shape}; "
            "every id needs one target"
        )
    if idx.size == 0:
        raise UserError(
            f"idx and targets are empty, {idx.shape}; a mean needs at least one token"
        )
    check_ids(idx, vocab_size, "idx")
    check_ids(targets, vocab_size, "targets")


def count_pairs(
    idx: NDArray[np.integer], targets: NDArray[np.integer], vocab_size: int
) -> NDArray[np.int64]:
    """C, ``(V, V)`` int64: ``C[i, j]`` is how often target ``j`` stands against input
    ``i``.

    ``idx`` and ``targets`` have the same shape, any integer type. For a whole text they
    are ``tokens[:-1]`` and ``tokens[1:]``. Raises ``UserError`` as ``check_pairs``
    does.

    >>> count_pairs(np.array([1, 0, 2, 2]), np.array([0, 2, 2, 3]), 4)  # he el ll lo
    array([[0, 0, 1, 0],
           [1, 0, 0, 0],
           [0, 0, 1, 1],
           [0, 0, 0, 0]])
    """
    check_pairs(idx, targets, vocab_size)
    # One number for each pair: its place in the table laid out row by row. int64,
    # because ids may arrive in the smallest type that holds them, and i * V would wrap
    # around in it.
    cells = np.multiply(idx.ravel(), vocab_size, dtype=np.int64)
    np.add(cells, targets.ravel(), out=cells, dtype=np.int64)
    return np.bincount(cells, minlength=vocab_size * vocab_size).reshape(
        vocab_size, vocab_size
    )


def count_text_pairs(tokens: NDArray[np.integer], vocab_size: int) -> NDArray[np.int64]:
    """C of a whole text: ``count_pairs(tokens[:-1], tokens[1:], vocab_size)``, in
    memory for the table and a small part of the text, however long it is. ``tokens``:
    (n,), any integer type, at least two.

    Raises ``UserError`` for an id outside [0, V), and where there is no pair.
    """
    if len(tokens) < 2:
        raise UserError(
            f"a text of {len(tokens)} tokens has no pair to count; give at least two"
        )
    counts = np.zeros(vocab_size * vocab_size, dtype=np.int64)
    for start in range(0, len(tokens) - 1, PART):
        # one more, for the pair over the edge
        part = np.asarray(tokens[start : start + PART + 1])
        check_ids(part, vocab_size, "the text")
        ids = part.astype(np.int64)
        # Adds where it stands; bincount would make a table of zeros for every part.
        np.add.at(counts, ids[:-1] * vocab_size + ids[1:], 1)
    return counts.reshape(vocab_size, vocab_size)


def conditional_entropy(counts: NDArray[np.integer]) -> float:
    """H(next | current) of the counted pairs, in nats: the least loss any bigram table
    can have on them. It is reached by W = log C, whose softmax is the counts' own
    frequencies C / n.

    ``counts``: ``(V, V)``, at least one pair. Computed in float64.
    """
    n = np.broadcast_to(counts.sum(axis=1, keepdims=True), counts.shape)
    seen = counts > 0  # 0 * log 0 is 0: a pair that never occurs adds nothing
    return float(-(counts[seen] * np.log(counts[seen] / n[seen])).sum() / counts.sum())
