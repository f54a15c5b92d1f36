"""Proves that the bounds are as narrow as they are said to be: each against its formula worked out another
way, for a bound that quietly grew would let mistakes pass and no other test would tell."""

import math

import numpy as np
import pytest

from bigram.bounds import (
    MomentBounds,
    gradient_bound,
    gradient_drift,
    lockstep_gradient_bound,
    loss_bound,
    unit_roundoff,
    update_residual,
    weight_bound,
)
from common.config import Config

DTYPES = ["float32", "float64"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_gradients_bound_is_its_formula(dtype: str) -> None:
    # Row 0 has logits 0 and -log 3, so p = 3/4 and 1/4; seen three times, twice before 0. Row 1 not seen.
    W = np.array([[0.0, -math.log(3)], [5.0, 1.0]], dtype=dtype)
    counts = np.array([[2, 1], [0, 0]])
    u, tiny = float(np.finfo(dtype).eps) / 2, float(np.finfo(dtype).tiny)
    mean_z = math.log(3) / 4
    for a, b in [(0, 0), (1, 0), (0, 1), (1, 1)]:
        expected = [
            u * (3 * p + C) / 3 * (z + mean_z + a * -math.log(p) + b * 3 + 32) + 4 * tiny
            for p, C, z in [(3 / 4, 2, 0), (1 / 4, 1, math.log(3))]
        ]
        bound = gradient_bound(W, counts, exp_of_log=bool(a), per_token=bool(b))
        np.testing.assert_allclose(bound, [expected, [0, 0]], rtol=1e-6)

    drift = gradient_drift(W, counts, 0.1)
    np.testing.assert_allclose(drift, [[3 / 4 * math.expm1(0.2), 1 / 4 * math.expm1(0.2)], [0, 0]], rtol=1e-6)
    both = gradient_bound(W, counts) + gradient_bound(W, counts, exp_of_log=True, per_token=True) + drift
    np.testing.assert_allclose(lockstep_gradient_bound(W, counts, 0.1), both, rtol=1e-12)


@pytest.mark.parametrize(("dtype", "u"), [("float32", 2**-24), ("float64", 2**-53)])
def test_the_losss_bound_is_sixteen_roundings_and_the_drift(dtype: str, u: float) -> None:
    assert unit_roundoff(dtype) == u
    assert loss_bound(0.5, dtype) == 16 * u
    assert loss_bound(4.0, dtype) == 64 * u
    assert loss_bound(4.0, dtype, distance=0.25) == 64 * u + 0.5


def test_the_moments_bounds_are_their_formulas() -> None:
    bounds = MomentBounds((1,), "float64", (0.9, 0.99))
    g, m, v = (np.array([x]) for x in (-2.0, -0.2, 0.04))
    bounds.step(g, np.array([1e-3]), m, v)
    u = 2**-53
    np.testing.assert_allclose(bounds.exp_avg, 1e-4 + 6 * u * 0.4, rtol=1e-9)
    np.testing.assert_allclose(bounds.exp_avg_sq, 0.01 * (4e-3 + 1e-6) + 6 * u * 0.04, rtol=1e-9)
    bounds.step(g, np.array([0.0]), m, v)
    np.testing.assert_allclose(bounds.exp_avg, 0.9 * 1e-4, rtol=1e-9)


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_update_may_add_its_own_roundings_and_no_more(dtype: str) -> None:
    config = Config(lr=0.1, weight_decay=0.5, dtype=dtype)
    u = unit_roundoff(dtype)
    m, v, other_m, other_v = (np.array([x], dtype) for x in (0.1, 0.004, 0.2, 0.001))
    step, other = (
        0.1 / 0.1 * float(a[0]) / (math.sqrt(float(b[0]) / (1 - 0.999)) + 1e-8)
        for a, b in [(m, v), (other_m, other_v)]
    )
    before, W = np.array([0.25]), np.array([3.0])
    after = 0.95 * before - (step - other)
    residual, bound = update_residual(config, 1, before, after, W, (m, v), (other_m, other_v))
    assert abs(residual[0]) <= 4e-16
    np.testing.assert_allclose(bound, 2 * u * (3 * 3 + 16 * step), rtol=1e-6)
    residual, _ = update_residual(config, 1, before, after + 1e-5, W, (m, v), (other_m, other_v))
    assert residual[0] == pytest.approx(1e-5, rel=1e-9)


def test_the_weights_bound_is_for_schedules_like_the_published_one() -> None:
    assert weight_bound(Config()) == 2e-5
    assert weight_bound(Config(dtype="float64")) == 1e-13
    assert weight_bound(Config(dtype="float64"), "cuda") == 1e-12
    for settings in (
        {"max_iters": 50_001},
        {"lr": 0.2, "max_iters": 10},
        {"batch_size": 2000},
        {"betas": (0.4, 0.999)},
        {"betas": (0.99, 0.9)},
    ):
        assert weight_bound(Config(**settings)) == math.inf
