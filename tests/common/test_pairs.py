"""Proves that pairs are counted right: against a plain loop, and at the edges of each integer
type."""

from collections import Counter

import numpy as np
import pytest

from common import pairs
from common.errors import UserError
from common.pairs import check_ids, conditional_entropy, count_pairs, count_text_pairs


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int64", "uint64"])
@pytest.mark.parametrize("V", [1, 2, 100])
def test_counts_are_those_of_a_loop(dtype: str, V: int, rng: np.random.Generator) -> None:
    idx, targets = rng.integers(V, size=(2, 7, 11)).astype(dtype)
    counts = count_pairs(idx, targets, V)
    assert counts.shape == (V, V)
    assert counts.dtype == np.int64
    pairs = Counter(zip(idx.ravel().tolist(), targets.ravel().tolist(), strict=True))
    assert {(i, j): counts[i, j] for i, j in zip(*counts.nonzero(), strict=True)} == pairs


@pytest.mark.parametrize("bad", [-1, -100, 5, 6, 2**40])
@pytest.mark.parametrize("which", ["idx", "targets"])
def test_an_id_out_of_range_is_refused_and_named(bad: int, which: str) -> None:
    ids = {"idx": np.array([0, 4, 1]), "targets": np.array([1, 0, 4])}
    count_pairs(**ids, vocab_size=5)
    ids[which][1] = bad
    with pytest.raises(UserError, match=f"{which} holds the id {bad}; ids run from 0 to 4"):
        count_pairs(**ids, vocab_size=5)


@pytest.mark.parametrize("ids", [np.array([0.0]), np.array([True]), np.array(["a"])])
def test_ids_that_are_not_integers_are_refused(ids: np.ndarray) -> None:
    with pytest.raises(UserError, match="ids must be integers"):
        check_ids(ids, 5, "idx")


def test_every_id_needs_a_target() -> None:
    with pytest.raises(UserError, match=r"idx has shape \(2,\) and targets \(1,\)"):
        count_pairs(np.array([0, 1]), np.array([0]), 2)


def test_an_empty_batch_has_no_pairs() -> None:
    with pytest.raises(UserError, match="a mean needs at least one token"):
        count_pairs(np.zeros((0, 8), dtype=int), np.zeros((0, 8), dtype=int), 2)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", ">i4", "int64", "uint64"])
@pytest.mark.parametrize("part", [1, 2, 7, 1 << 16])
def test_a_text_counted_in_parts_is_the_text_counted(
    dtype: str, part: int, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs, "PART", part)
    for n in (2, 3, 8, 9, 15, 64):  # parts that come out even, and not
        for V in (1, 2, 100):
            tokens = rng.integers(V, size=n).astype(dtype)
            counts = count_text_pairs(tokens, V)
            np.testing.assert_array_equal(
                counts, count_pairs(tokens[:-1], tokens[1:], V), strict=True
            )


def test_a_text_counted_in_parts_at_its_usual_size(rng: np.random.Generator) -> None:
    tokens = rng.integers(300, size=3 * pairs.PART + 5).astype(np.uint16)
    counts = count_text_pairs(tokens, 300)
    np.testing.assert_array_equal(counts, count_pairs(tokens[:-1], tokens[1:], 300), strict=True)


@pytest.mark.parametrize("at", [0, 1, 5, 9])
@pytest.mark.parametrize("bad", [-1, 5, 2**40])
def test_an_id_out_of_range_anywhere_in_a_text_is_refused(
    at: int, bad: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs, "PART", 4)
    tokens = np.zeros(10, dtype=np.int64)
    tokens[at] = bad
    with pytest.raises(UserError, match=f"the text holds the id {bad}; ids run from 0 to 4"):
        count_text_pairs(tokens, 5)


@pytest.mark.parametrize("n", [0, 1])
def test_a_text_without_a_pair_is_refused(n: int) -> None:
    with pytest.raises(UserError, match=f"a text of {n} tokens has no pair"):
        count_text_pairs(np.zeros(n, dtype=np.uint8), 1)


def test_entropy_of_known_distributions() -> None:
    assert conditional_entropy(np.full((4, 4), 3)) == pytest.approx(np.log(4), abs=1e-15)
    assert conditional_entropy(np.diag([1, 2, 3])) == 0  # the next character is certain
    # Row 0 is a fair coin and seen half of the time, row 1 is certain.
    assert conditional_entropy(np.array([[1, 1], [0, 2]])) == pytest.approx(
        np.log(2) / 2, abs=1e-15
    )
