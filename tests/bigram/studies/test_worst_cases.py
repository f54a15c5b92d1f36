"""Proves that no correct code is called wrong, however hard one looks: each climb of
``worst_cases.py`` ends within every bound. A few short ones here; all of those that the page of
evidence shows with -m slow."""

import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from bigram.studies import worst_cases
from tools import refresh

ROOT = Path(__file__).parents[3]
DTYPES = ["float32", "float64"]

pytestmark = pytest.mark.skipif(
    np.finfo(np.longdouble).nmant < 63, reason="long double has no more digits than float64 here"
)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", worst_cases.FORMS_TRIED)
def test_a_short_climb_stays_within_the_bounds(name: str, dtype: str) -> None:
    for V in (1, 2, 5, 65, 256):
        fractions = worst_cases.climb(name, dtype, V, seed=11, tries=25)
        assert max(fractions) <= 1, V
        assert min(fractions) > 0.02 or V == 1, V  # it does not look away


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_short_climb_of_adamw_stays_within_the_bounds(dtype: str) -> None:
    fractions = worst_cases.climb_adamw(dtype, seed=11, runs=10)
    assert set(fractions) == set(worst_cases.ADAMW_LABELS)
    assert max(fractions.values()) <= 1, fractions
    assert min(fractions.values()) > 0.05, fractions


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_adamw_whose_mean_all_but_vanishes_is_within_the_doctors_bound(dtype: str) -> None:
    # As m0 + (1 - beta1) (g - m0), with a g that undoes m0: 12 times the bound in float32 that |m|
    # and |g| alone would give.
    settings = {"lr": 0.1, "weight_decay": 0.0, "beta1": 0.001, "beta2": 0.0, "eps": 1e-8}
    run = worst_cases.run_of(
        np.random.default_rng(0), settings | {"size": 1.0, "undoes": 0.5}, dtype
    )
    fractions = worst_cases.fractions_of(run)
    assert max(fractions.values()) <= 1, fractions


@pytest.mark.slow
def test_no_climb_leaves_the_bounds_and_the_page_shows_the_worst() -> None:
    lines: list[str] = []
    assert worst_cases.report(lines.append) <= 1
    (pasted,) = [body for name, body in refresh.blocks().items() if name.endswith("worst_cases")]

    def words(text: str) -> list[str]:
        return re.findall(r"^\| (.*?float\d\d) ", text, re.MULTILINE)

    assert words(pasted) == words("\n".join(lines))
