"""Proves that a gradient is judged at the size that is asked for, and on the reader's own
arrays."""

from typing import Any

import numpy as np
import pytest

import bigram
from bigram.bounds import unit_roundoff
from bigram.doctor.cases import gradient_cases
from bigram.doctor.sizes import SizedCase, random_case
from impl_numpy.pair_counts import loss_and_gradient as right


def first_thousand(W: Any, idx: Any, targets: Any) -> Any:
    """Right up to 1,000 tokens."""
    return right(W, idx.ravel()[:1000], targets.ravel()[:1000])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_truth_of_a_large_case_is_that_of_50_digits(dtype: str) -> None:
    for case in gradient_cases(dtype)[::3]:
        sized = SizedCase(case.name, case.W, case.idx, case.targets)
        for name in ("loss", "dW"):
            extra = sized.bound[name] - case.bound[name]
            assert (extra >= 0).all()
            once = unit_roundoff(np.float64) * abs(case.truth[name])  # of 50 digits to float64
            assert (abs(sized.truth[name] - case.truth[name]) <= extra + once).all(), (
                case.name,
                name,
            )
            assert (sized.bound[name] <= 2.1 * case.bound[name]).all()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_size_that_is_asked_for_is_judged_too(dtype: str) -> None:
    result = bigram.check(right, vocab=400, tokens=5000, dtype=dtype)
    assert result, str(result)
    assert "largest: V = 400, N = 5,000" in str(result)
    wrong = bigram.check(first_thousand, vocab=400, tokens=5000, dtype=dtype)
    assert not wrong
    assert wrong.worst == "V = 400, N = 5,000"
    assert wrong.to_dict()["pattern"]


def test_the_readers_own_arrays_are_judged() -> None:
    rng = np.random.default_rng(0)
    W, idx, targets = (
        rng.standard_normal((40, 40)),
        rng.integers(40, size=5000),
        rng.integers(40, size=5000),
    )
    arrays: dict[str, Any] = {"W": W, "idx": idx, "targets": targets.tolist()}
    result = bigram.check(right, **arrays)
    assert result, str(result)
    assert "N = 5,000" in str(result)
    wrong = bigram.check(first_thousand, **arrays)
    assert wrong.worst == "your own arrays"
    assert not wrong


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"vocab": 5000}, "vocab is 5000; it must be at least 1 and at most 4,096"),
        ({"tokens": 0}, "tokens is 0; it must be at least 1"),
        ({"W": np.eye(3)}, "give all three of W, idx and targets, or none"),
        (
            {"W": np.ones((3, 4)), "idx": [0], "targets": [0]},
            r"W has shape \(3, 4\); it must be a table",
        ),
        ({"W": np.eye(3), "idx": [0.5], "targets": [0]}, "idx has shape .* of float64"),
        ({"W": np.eye(3), "idx": [0], "targets": [7]}, "7"),
        (
            {"W": np.full((3, 3), np.nan), "idx": [0], "targets": [1]},
            "W holds values that are not finite",
        ),
    ],
)
def test_what_is_no_case_is_said(options: dict[str, Any], error: str) -> None:
    with pytest.raises(bigram.UserError, match=error):
        bigram.check(right, **options)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_largest_size(dtype: str) -> None:
    case = random_case(4096, 10**6, dtype)
    loss, dW = right(case.W, case.idx, case.targets)
    for row in case.rows({"loss": np.asarray(loss), "dW": dW}, ("loss", "dW")):
        assert row.fraction_of_bound <= 1
    dW[case.idx[0, 0], 0] *= 1 + 1e-4
    assert case.rows({"dW": dW}, ("dW",))[0].fraction_of_bound > 1
