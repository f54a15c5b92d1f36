"""The exact loss of a whole training split: a million tokens, or the counts of their pairs."""

from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.forms import build
from benchmarks.harness import gates
from benchmarks.harness.interleave import Group
from benchmarks.harness.work import EVALUATED, VOCABULARIES, quick, tokens_of
from common.config import Config
from common.pairs import count_pairs
from common.text.corpus import Corpus
from common.training import initial_table

BY_COUNTS = ("numpy-pair-counts", "numpy-counting", "torch-pair-counts")
# at V = 65 alone: their time is N * V, for any corpus
BY_TOKEN = ("numpy-per-token", "torch-eager")
ROWS = [(V, form) for V in VOCABULARIES for form in (*BY_COUNTS, *(BY_TOKEN if V == 65 else ()))]


@pytest.mark.parametrize(
    ("V", "form"), [pytest.param(*r, id=quick(f"V{r[0]}", r[1], r[0] == 65)) for r in ROWS]
)
def test_evaluation(row: Callable, corpus: Corpus, V: int, form: str) -> None:
    def make() -> Group:
        tokens = tokens_of(corpus, V, EVALUATED)
        counts = count_pairs(tokens[:-1], tokens[1:], V)
        rng = np.random.default_rng(Config().seed)
        tables = [initial_table(V, "float32", rng) for _ in range(2)]

        info = {"vocab_size": V, "tokens": len(tokens), "dtype": "float32"}
        return Group(
            lambda name: build(name, "evaluation", tables, tokens, counts, name),
            gates.losses(tables, [counts, counts]),
            inputs=2,
            seconds=3.0 if V == 65 else 1.5,
            info=info,
        )

    row(make, f"exact evaluation, V = {V:,}", form)
