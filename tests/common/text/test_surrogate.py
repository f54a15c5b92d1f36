"""Proves that the surrogate has exactly the pair counts of the text it stands for, and so its
losses."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from common.pairs import count_pairs
from common.text.corpus import Corpus, surrogate_corpus
from common.text.surrogate import COUNTS, eulerian_trail
from tests.kit.surrogate_counts import surrogate_counts


def test_the_surrogate_has_tiny_shakespeares_counts(shakespeare: Corpus, surrogate: Corpus) -> None:
    assert surrogate.tokenizer.vocab == shakespeare.tokenizer.vocab
    for real, stand_in in [(shakespeare.train, surrogate.train), (shakespeare.val, surrogate.val)]:
        assert real[0] == stand_in[0]
        assert len(real) == len(stand_in)
        np.testing.assert_array_equal(
            count_pairs(real[:-1], real[1:], 65), count_pairs(stand_in[:-1], stand_in[1:], 65)
        )
        assert not np.array_equal(real, stand_in)


def test_the_shipped_table_is_made_from_the_text(shakespeare: Corpus) -> None:
    made = surrogate_counts(shakespeare)
    with np.load(COUNTS, allow_pickle=False) as shipped:
        assert set(shipped) == set(made)
        for name, array in made.items():
            assert shipped[name].dtype == array.dtype
            np.testing.assert_array_equal(shipped[name], array)


def test_the_shipped_counts_are_of_the_known_size(surrogate: Corpus) -> None:
    for part, cells in [(surrogate.train, 1380), (surrogate.val, 1030)]:
        assert np.count_nonzero(count_pairs(part[:-1], part[1:], 65)) == cells


def test_the_surrogate_is_the_same_text_every_time(surrogate: Corpus) -> None:
    assert surrogate_corpus().sha256 == surrogate.sha256


@given(st.lists(st.integers(0, 4), min_size=2, max_size=60), st.integers(0, 2**32))
def test_a_trail_uses_every_pair_of_any_text_once(text: list[int], seed: int) -> None:
    tokens = np.array(text)
    counts = count_pairs(tokens[:-1], tokens[1:], 5)
    trail = eulerian_trail(counts, text[0], np.random.default_rng(seed))
    assert trail[0] == text[0]
    np.testing.assert_array_equal(count_pairs(trail[:-1], trail[1:], 5), counts)


def test_eulerian_trails_differ_with_the_seed() -> None:
    tokens = np.random.default_rng(0).integers(0, 5, 1000)
    counts = count_pairs(tokens[:-1], tokens[1:], 5)
    first, second = (
        eulerian_trail(counts, int(tokens[0]), np.random.default_rng(seed)) for seed in (1, 2)
    )
    assert not np.array_equal(first, second)
