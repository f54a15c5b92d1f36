"""One pass over a float32 table of V x V by NumPy's own loops: the units of docs/cost.md.

``copy`` reads one table and writes one, 8 bytes an entry: memory bandwidth at that size.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from benchmarks.harness.interleave import Group, Job
from benchmarks.harness.work import PASSES, VOCABULARIES
from common.text.corpus import Corpus


@pytest.mark.parametrize(
    ("V", "form"), [pytest.param(V, f, id=f"V{V}-{f}") for V in VOCABULARIES for f in PASSES]
)
def test_primitives(row: Callable, corpus: Corpus, V: int, form: str) -> None:
    def make() -> Group:
        rng = np.random.default_rng(V)
        tables = [-rng.random((V, V), dtype=np.float32) * 10 - 0.1 for _ in range(2)]
        positive = [-table for table in tables]

        def job(name: str) -> Job:
            out = np.full((V, V), np.nan, dtype=np.float32)  # so that a pass left out shows
            run = {
                "copy": lambda i: np.copyto(out, tables[i % 2]),
                "multiply": lambda i: np.multiply(tables[i % 2], tables[0], out=out),
                "exp": lambda i: np.exp(tables[i % 2], out=out),
                "sqrt": lambda i: np.sqrt(positive[i % 2], out=out),
                "divide": lambda i: np.divide(tables[i % 2], tables[0], out=out),
            }[name]
            return Job(run, lambda: out)

        exact: dict[str, Callable[[np.ndarray], Any]] = {
            "copy": lambda x: x,
            "multiply": lambda x: x * tables[0],
            "exp": np.exp,
            "sqrt": lambda x: np.sqrt(-x),
            "divide": lambda x: x / tables[0].astype(np.float64),
        }

        def check(name: str, out: np.ndarray, calls: int) -> None:
            expected = exact[name](tables[(calls - 1) % 2].astype(np.float64))
            assert abs(out / expected - 1).max() <= 4 * 2.0**-24

        info = {"vocab_size": V, "tokens": None, "dtype": "float32"}
        return Group(job, check, 2, 1.0, info)

    row(make, f"one pass over a table, V = {V:,}", form)
