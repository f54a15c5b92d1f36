"""500 characters, one after the other, as at the end of every published run."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.forms import build
from benchmarks.harness.interleave import Group
from benchmarks.harness.work import quick
from common.pairs import count_pairs
from common.text.corpus import Corpus

LENGTH = 500
FORMS = ("numpy-bisection", "numpy-generate", "torch-generate", "torch-multinomial")


def written(W: NDArray, draws: list[NDArray]) -> Callable[[str, Any, int], None]:
    """With given draws each character must be the one whose interval of the cumulative
    probabilities, in double precision, holds its draw. Without, the text's -log p must lie within
    six standard deviations of the mean over texts of this model."""
    z = W.astype(np.float64) - W.max(axis=1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    p = np.exp(logp)
    entropy = -(p * logp).sum(axis=1)
    variance = (p * logp**2).sum(axis=1) - entropy**2
    above = np.cumsum(p, axis=1)
    rounding = len(W) * 2.0**-24
    last: dict[str, NDArray] = {}

    def check(name: str, ids: Any, calls: int) -> None:
        ids = np.asarray(ids)
        assert ids.shape == (1, LENGTH + 1)
        assert ids[0, 0] == 0
        before, after = ids[0, :-1], ids[0, 1:]
        if name == "torch-multinomial":
            off = (-logp[before, after] - entropy[before]).sum()
            assert abs(off) <= 6 * np.sqrt(variance[before].sum())
            assert name not in last or (last[name] != ids).any()
            last[name] = ids.copy()
        else:
            upper, u = above[before, after], draws[(calls - 1) % 2][0]
            assert (u <= upper + rounding).all()
            assert (u >= upper - p[before, after] - rounding).all()

    return check


@pytest.mark.parametrize(
    "form", [pytest.param(form, id=quick("V65", form, True)) for form in FORMS]
)
def test_generation(row: Callable, corpus: Corpus, form: str) -> None:
    def make() -> Group:
        V = corpus.tokenizer.vocab_size
        # The best table with every pair seen once more than it was: a trained model, no training
        # needed.
        W = np.log(count_pairs(corpus.train[:-1], corpus.train[1:], V) + 1).astype(np.float32)
        rng = np.random.default_rng(1337)
        draws = [rng.random((1, LENGTH), dtype=np.float32) for _ in range(2)]
        return Group(
            lambda name: build(name, "generation", W, draws, name),
            written(W, draws),
            inputs=2,
            seconds=2.5,
            info={"vocab_size": V, "tokens": LENGTH, "dtype": "float32"},
        )

    row(make, "generation, 500 characters, one stream", form)
