"""Proves that no bound is wider than its formula: each is computed again in another way. A bound
that grew would let mistakes pass, and no other test would show it."""

import math

import numpy as np
import pytest

from bigram.bounds import (
    MomentBounds,
    gradient_bound,
    gradient_drift,
    is_vacuous,
    lockstep_gradient_bound,
    loss_bound,
    room,
    unit_roundoff,
    update_residual,
    weight_bound,
)
from bigram.doctor.witnesses import autograd, decimal_truth
from common.config import Config
from common.pairs import count_pairs
from impl_numpy import pair_counts
from impl_numpy.adamw import AdamW

DTYPES = ["float32", "float64"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_gradients_bound_is_its_formula(dtype: str) -> None:
    # Row 0 has logits 0 and -log 3, so p = 3/4 and 1/4; seen three times, twice before 0. Row 1 not
    # seen.
    W = np.array([[0.0, -math.log(3)], [5.0, 1.0]], dtype=dtype)
    counts = np.array([[2, 1], [0, 0]])
    u, tiny = float(np.finfo(dtype).eps) / 2, float(np.finfo(dtype).tiny)
    mean_z = math.log(3) / 4
    for a, b in [(0, 0), (1, 0), (0, 1), (1, 1)]:
        row_0 = [
            u * (3 * p + C) / 3 * (z + mean_z + a * -math.log(p) + b * 3 + 32) + 4 * tiny
            for p, C, z in [(3 / 4, 2, 0), (1 / 4, 1, math.log(3))]
        ]
        bound = gradient_bound(W, counts, exp_of_log=bool(a), per_token=bool(b))
        np.testing.assert_allclose(bound, np.array([row_0, [0, 0]]), rtol=1e-6)

    drift = gradient_drift(W, counts, 0.1)
    row_0 = [3 / 4 * math.expm1(0.2), 1 / 4 * math.expm1(0.2)]
    np.testing.assert_allclose(drift, np.array([row_0, [0, 0]]), rtol=1e-6)
    other = W + np.array([[0.1, -0.1], [0, 0]], dtype)
    both = (
        gradient_bound(W, counts)
        + gradient_bound(other, counts, exp_of_log=True, per_token=True)
        + drift
    )
    np.testing.assert_allclose(lockstep_gradient_bound(W, other, counts, 0.1), both, rtol=1e-12)


def test_a_row_that_torch_adds_in_lanes_has_more_room_the_longer_it_is() -> None:
    assert [room("float64", V) for V in (2, 4096)] == [32, 32]
    assert [room("float64", V, lanes=True) for V in (2, 64, 65, 4096)] == [32, 32, 32.5, 2048]
    assert [room("float32", V, lanes=True) for V in (2, 128, 4096)] == [32, 32, 1024]
    W, counts = np.zeros((1, 4096)), np.eye(1, 4096, dtype=int)
    more = gradient_bound(W, counts, exp_of_log=True) - gradient_bound(W, counts)
    scale = counts + 1 / 4096
    np.testing.assert_allclose(more, 2**-53 * scale * (2048 - 32 + math.log(4096)), rtol=1e-9)


@pytest.mark.parametrize("dtype", DTYPES)
def test_torchs_sums_in_lanes_stay_within_their_room(dtype: str) -> None:
    # One dominant logit: every one of the other terms is rounded the same way as it is added to it.
    W = np.full((1024, 1024), -15.5, dtype)
    W[:, 0] = 0
    idx = targets = np.zeros((1, 8), np.int64)
    true_loss, truth = decimal_truth(W, idx, targets)
    pytest.importorskip("torch")
    loss, dW = autograd(W, idx, targets)
    counts = count_pairs(idx, targets, 1024)
    assert (abs(dW - truth) <= gradient_bound(W, counts, exp_of_log=True, per_token=True)).all()
    assert abs(loss - true_loss) <= room(dtype, 1024, lanes=True) * unit_roundoff(dtype)
    assert abs(loss - true_loss) <= loss_bound(true_loss, dtype, vocab_size=1024)


@pytest.mark.parametrize("d", [1e-9, 0.1, 0.49, 0.51, 3.0, 400.0, 1e9])
def test_no_gradient_drifts_further_than_the_bound_and_some_drift_as_far(d: float) -> None:
    # Entry 0 rises by d and all others fall by d, or the other way round: nothing moves p further.
    W, counts = (
        np.array([[-800.0, 0.0, -800.0], [0.0, -1.0, -3.0], [0.0, -40.0, 1.0]]),
        np.eye(3, dtype=int),
    )
    direction = np.array([1.0, -1.0, -1.0])
    bound = gradient_drift(W, counts, d)
    for sign in (1, -1):
        moved = [
            pair_counts.loss_and_gradient_of_counts(x, counts)[1]
            for x in (W, W + sign * d * direction)
        ]
        drift, slack = abs(moved[0] - moved[1]), 2 * gradient_bound(W, counts)
        assert (drift <= bound + slack).all()
        if d > 400 and sign > 0:  # entry 0 comes back from exp(-800), which is no number
            np.testing.assert_allclose(drift[0, :2], 1 / 3, rtol=1e-9)
    assert (bound <= 1 / 3).all()


def test_each_row_drifts_by_its_own_distance() -> None:
    W, counts = np.zeros((2, 2)), np.ones((2, 2), int)
    distances = np.array([[0.1], [0.7]])
    rows = [gradient_drift(W, counts, float(d))[i] for i, d in enumerate(distances[:, 0])]
    np.testing.assert_array_equal(gradient_drift(W, counts, distances), rows)
    assert np.isnan(gradient_drift(W, counts, math.nan)).all()
    np.testing.assert_allclose(gradient_drift(W, counts, math.inf), 0.25)


@pytest.mark.parametrize(("dtype", "u"), [("float32", 2**-24), ("float64", 2**-53)])
def test_the_losss_bound_is_the_room_of_both_and_the_drift(dtype: str, u: float) -> None:
    assert unit_roundoff(dtype) == u
    assert loss_bound(0.5, dtype) == 64 * u
    assert loss_bound(4.0, dtype) == 256 * u
    assert loss_bound(4.0, dtype, distance=0.25) == 256 * u + 0.5
    assert loss_bound(1.0, dtype, vocab_size=4096) == (32 + room(dtype, 4096, lanes=True)) * u


def test_the_moments_bounds_are_their_formulas() -> None:
    bounds = MomentBounds((1,), "float64", (0.9, 0.99))
    g, m, v = (np.array([x]) for x in (-2.0, -0.2, 0.04))
    bounds.step(g, np.array([1e-3]), m, v)
    u = 2**-53
    np.testing.assert_allclose(bounds.exp_avg, 1e-4 + 6 * u * 0.4, rtol=1e-9)  # here m0 is 0
    np.testing.assert_allclose(bounds.exp_avg_sq, 0.01 * (4e-3 + 1e-6) + 6 * u * 0.04, rtol=1e-9)
    bounds.step(g, np.array([0.0]), m, v)
    np.testing.assert_allclose(bounds.exp_avg, 0.9 * 1e-4, rtol=1e-9)


def test_the_moments_bounds_are_of_some_rows_and_those_visited() -> None:
    whole, parts = (MomentBounds((4, 1), "float64", (0.3, 0.99)) for _ in range(2))
    rng = np.random.default_rng(0)
    for _ in range(3):
        g, bound, m, v = rng.random((4, 4, 1))
        g[[0, 2]] = bound[[0, 2]] = 0
        whole.step(g, bound, m, v)
        for rows, visited in ((slice(0, 2), [1]), (slice(2, 4), [1])):
            part = g[rows][visited], bound[rows][visited], m[rows], v[rows]
            parts.step(*part, rows, np.array(visited))
    np.testing.assert_allclose(parts.exp_avg, whole.exp_avg, rtol=1e-15)
    np.testing.assert_allclose(parts.exp_avg_sq, whole.exp_avg_sq, rtol=1e-15)


@pytest.mark.parametrize("beta1", [0.0, 0.001, 0.1, 0.3, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("beta2", [0.0, 0.5, 0.999])
def test_two_adamws_whose_mean_all_but_vanishes_stay_within_its_bound(
    beta1: float, beta2: float
) -> None:
    # float32 against float64, on gradients that undo the mean so far: m0 + (1 - beta1) (g - m0) is
    # rounded when it is large, and little of it is left. A bound by |m| and |g| alone was 12 times
    # too small at beta1 = 0.001.
    rng = np.random.default_rng(0)
    W = np.zeros((1, 4000))
    ours, truth = AdamW(W.astype("float32"), betas=(beta1, beta2)), AdamW(W, betas=(beta1, beta2))
    bounds = MomentBounds(W.shape, "float32", (beta1, beta2))
    for t in range(6):
        g = 0.01 * rng.standard_normal(W.shape).astype("float32")
        if t % 2:
            g = (-beta1 / (1 - beta1) * truth.exp_avg * (1 + 1e-3 * g)).astype("float32")
        ours.step(W.astype("float32"), g)
        truth.step(W.copy(), g.astype("float64"))
        bounds.step(g, np.zeros(W.shape), ours.exp_avg, ours.exp_avg_sq)
        for name in ("exp_avg", "exp_avg_sq"):
            apart = abs(getattr(ours, name) - getattr(truth, name))
            assert (apart <= getattr(bounds, name)).all(), (name, t)


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_update_may_add_its_own_roundings_and_no_more(dtype: str) -> None:
    config = Config(lr=0.1, weight_decay=0.5, dtype=dtype)
    u = unit_roundoff(dtype)
    m, v, other_m, other_v = (np.array([x], dtype) for x in (0.1, 0.004, 0.2, 0.001))
    step, other = (
        0.1 / 0.1 * float(a[0]) / (math.sqrt(float(b[0]) / (1 - 0.999)) + 1e-8)
        for a, b in [(m, v), (other_m, other_v)]
    )
    before, weights = np.array([0.25]), (np.array([3.0]), np.array([2.0]))
    after = 0.95 * before - (step - other)
    moved, residual, bound = update_residual(
        config, 1, before, after, weights, (m, v), (other_m, other_v)
    )
    np.testing.assert_allclose(moved, step - other, rtol=1e-12)
    assert abs(residual[0]) <= 4e-16
    np.testing.assert_allclose(bound, 2 * u * (3 * 3 + 16 * other), rtol=1e-6)
    # The larger of both counts, whichever side it is on.
    swapped = update_residual(config, 1, -before, -after, weights[::-1], (other_m, other_v), (m, v))
    np.testing.assert_array_equal(swapped.rounding, bound)
    residual = update_residual(
        config, 1, before, after + 1e-5, weights, (m, v), (other_m, other_v)
    ).residual
    assert residual[0] == pytest.approx(1e-5, rel=1e-9)


def test_a_bound_is_vacuous_where_at_most_entries_it_is_half_of_what_is_possible() -> None:
    assert is_vacuous(0.5, 1.0)
    assert not is_vacuous(0.49, 1.0)
    assert not is_vacuous(math.nan, 1.0)
    possible = np.array([[1.0], [0.0]])
    assert is_vacuous(np.array([[0.5, 0.4], [0.0, 0.0]]), possible)
    assert not is_vacuous(np.array([[0.4, 0.4], [0.0, 0.0]]), possible)


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
