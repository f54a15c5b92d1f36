"""Proves that batches are windows of the text, shifted by one, drawn evenly from every start there
is."""

import numpy as np
import pytest
from numpy.typing import NDArray

from common.batcher import Batcher
from common.errors import UserError


def batcher_of(tokens: NDArray, batch_size: int, block_size: int, seed: int = 0) -> Batcher:
    return Batcher(tokens, batch_size, block_size, np.random.default_rng(seed))


def test_targets_are_the_inputs_shifted_by_one() -> None:
    tokens = np.random.default_rng(1).integers(0, 200, 1000).astype(np.uint8)
    x, y = batcher_of(tokens, 32, 8).get_batch()
    assert x.shape == y.shape == (32, 8)
    assert x.dtype == y.dtype == np.int64
    assert x.flags.c_contiguous
    assert y.flags.c_contiguous
    np.testing.assert_array_equal(x[:, 1:], y[:, :-1])
    windows = {tuple(tokens[i : i + 9]) for i in range(len(tokens) - 8)}
    assert all(
        (*row, last) in windows for row, last in zip(x.tolist(), y[:, -1].tolist(), strict=True)
    )


@pytest.mark.parametrize("block_size", [1, 8])
def test_every_start_is_drawn_and_as_often(block_size: int) -> None:
    length = 20
    batcher = batcher_of(np.arange(length), 10_000, block_size)
    x, y = batcher.get_batch()
    starts = length - block_size
    drawn = np.bincount(x[:, 0], minlength=starts)
    assert len(drawn) == starts  # none beyond the last
    assert y.max() == length - 1  # the last pair of the text can be drawn
    # Binomial(10000, 1 / starts): five standard deviations either way.
    spread = 5 * np.sqrt(10_000 / starts * (1 - 1 / starts))
    assert abs(drawn - 10_000 / starts).max() < spread


def test_the_shortest_text_has_one_window() -> None:
    x, y = batcher_of(np.arange(9), 4, 8).get_batch()
    assert x.tolist() == [list(range(8))] * 4
    assert y.tolist() == [list(range(1, 9))] * 4


def test_a_split_too_short_says_how_many_tokens_it_needs() -> None:
    with pytest.raises(
        UserError, match="block_size 8 needs 9 tokens in the split and this one has 8"
    ):
        batcher_of(np.arange(8), 4, 8)


def test_the_same_generator_gives_the_same_batches_from_any_token_type() -> None:
    tokens = np.random.default_rng(1).integers(0, 200, 1000)
    batchers = [
        batcher_of(tokens.astype(dtype), 4, 8) for dtype in ("uint8", "uint16", "uint32", "int64")
    ]
    for _ in range(3):
        first, *others = [batcher.get_batch() for batcher in batchers]
        for other in others:
            np.testing.assert_array_equal(first, other)


def test_one_batch_follows_another() -> None:
    batcher = batcher_of(np.arange(1000), 4, 8)
    assert not np.array_equal(batcher.get_batch()[0], batcher.get_batch()[0])
