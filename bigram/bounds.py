"""How far two correct implementations may lie apart: derived, entry by entry, not picked by eye.

**Gradient.** G = (n p - C) / N: what was expected less what was seen. Near the minimum these nearly
cancel, so an error that is tiny beside either is large beside G, and a *relative* tolerance on G fails
correct code, while an *absolute* one passes anything where G is small. The honest yardstick is the
magnitude before the subtraction, the cancellation scale

    S = (n p + C) / N

Every operation rounds its exact result by a factor 1 + d, |d| <= u. To first order in u, in units of u:

    z = x - max           |z|, absolute; exp turns it into |z|, relative
    e = exp(z)            |z| + a few of the library's own
    s = sum(e)            E_p|z| + a few: the terms' errors, averaged with weights p, and the sum's own
    p = e / s             |z| + E_p|z| + a few
      = exp(z - log s)    the same + |log p|, for log p is rounded before exp sees it        (a = 1)
    n p - C               n p carries all of that; the difference is rounded too
      token by token      each of the n additions into a row rounds what is there by up to S (b = 1)
    / N                   + 1

    |error| <= u S (|z| + E_p|z| + a |log p| + b n + 32) + 4 tiny n / N

32 is room for all the "few": two exp or log of up to 4 u each, a sum of V terms in pairs or blocks,
the divisions. The last term is for probabilities below ``tiny``, the smallest normal number, which are
rounded in absolute steps. The difference of two implementations is at most the sum of their bounds.

**In lockstep** the two gradients belong to tables that already differ a little. If no entry of W moves
by more than ``distance``, no p changes by more than a factor exp(2 distance), so G moves by at most
n p / N (exp(2 distance) - 1), and the loss by at most 2 distance.

**Moments** are running means of what the gradients bound, so their bounds run along with them:
``MomentBounds``. **Weights** are judged twice. Each update may add no more than its own roundings to what
the two tables, and the two pairs of moments, really differ by: ``update_residual``. What adds up over a whole
run has no useful bound, for AdamW divides by the gradient's own size and a worst case would grow
exponentially; over schedules like the published one it is measured: ``weight_bound``.

What is taken for granted: a row is shifted by its maximum before anything else is done to it (logsumexp of
the unshifted row rounds by u max|x|); sums of many terms go in pairs, blocks or lanes, as those of NumPy
and torch do, not one by one; and subnormal numbers are kept, not flushed to zero.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from common.arrays import Array
from common.config import Config


def unit_roundoff(dtype: DTypeLike) -> float:
    """u, the largest relative error of one rounding: 2**-24 for float32, 2**-53 for float64."""
    return float(np.finfo(dtype).eps) / 2


def gradient_bound(
    W: Array,  # (V, V), in the dtype the gradient was computed in
    counts: NDArray[np.integer],  # (V, V), C
    *,
    exp_of_log: bool = False,  # a: p was computed as exp(log p), as torch does
    per_token: bool = False,  # b: the gradient was added up token by token
) -> Array:
    """The largest error of each entry of dW against the exact gradient at W: ``(V, V)`` float64."""
    return _rounding(W.dtype, _terms(W, counts), exp_of_log, per_token)


def gradient_drift(W: Array, counts: NDArray[np.integer], distance: float) -> Array:
    """How far the exact gradient moves, at most, if no entry of W moves by more than ``distance``:
    ``(V, V)`` float64."""
    return _drift(_terms(W, counts), distance)


def lockstep_gradient_bound(W: Array, counts: NDArray[np.integer], distance: float) -> Array:
    """How far the gradient by pair counts at W and torch's, at a table no more than ``distance`` away, may
    lie apart: both bounds and the drift, ``(V, V)`` float64."""
    terms = _terms(W, counts)
    return _rounding(W.dtype, terms, 0, 0) + _rounding(W.dtype, terms, 1, 1) + _drift(terms, distance)


def loss_bound(loss: float, dtype: DTypeLike, distance: float = 0.0) -> float:
    """The largest difference of two correct losses, in nats: each within 8 u of the truth, relative
    (absolute below 1 nat, where log p loses what is lost in 1 - p), at tables ``distance`` apart."""
    return 16 * unit_roundoff(dtype) * max(1.0, abs(loss)) + 2 * distance


class MomentBounds:
    """The largest differences of exp_avg and exp_avg_sq between two AdamWs, updated step by step.

    With |g - g'| <= G in every entry, m = beta1 m + (1 - beta1) g and v = beta2 v + (1 - beta2) g g:

        |m - m'|  <=  beta1 M + (1 - beta1) G                  + 6 (u (|m| + (1 - beta1) |g|) + least)
        |v - v'|  <=  beta2 V + (1 - beta2) (2 |g| G + G G)    + 6 (u v + least)

    The last terms are three roundings a step in each of the two; ``least``, the smallest positive number,
    is for rows not visited for so long that their moments have all but faded away.
    """

    def __init__(self, shape: tuple[int, ...], dtype: DTypeLike, betas: tuple[float, float]) -> None:
        self.u = unit_roundoff(dtype)
        self.least = float(np.finfo(dtype).smallest_subnormal)
        self.betas = betas
        self.exp_avg = np.zeros(shape)
        self.exp_avg_sq = np.zeros(shape)

    def step(self, gradient: Array, bound: Array, exp_avg: Array, exp_avg_sq: Array) -> None:
        """``gradient`` of this step and its ``bound``; the moments as they are after it."""
        g = abs(gradient.astype(np.float64))
        beta1, beta2 = self.betas
        rounding = 6 * (self.u * (abs(exp_avg.astype(np.float64)) + (1 - beta1) * g) + self.least)
        self.exp_avg = beta1 * self.exp_avg + (1 - beta1) * bound + rounding
        rounding = 6 * (self.u * exp_avg_sq.astype(np.float64) + self.least)
        self.exp_avg_sq = beta2 * self.exp_avg_sq + (1 - beta2) * (2 * g + bound) * bound + rounding


def update_residual(
    config: Config,
    t: int,  # updates made, this one included
    before: Array,  # W - W' before the update, (V, V) float64
    after: Array,  # W - W' after it
    weight: Array,  # W after it
    moments: tuple[Array, Array],  # exp_avg and exp_avg_sq after it
    others: tuple[Array, Array],  # the other AdamW's
) -> tuple[Array, Array]:
    """What one update has added to the difference of two tables beyond what the difference before it and
    that of the moments explain, and the most that rounding may add: both (V, V) float64.

        W - W'  =  (1 - lr weight_decay) (W - W')  -  (step - step')  +  residual
        |residual|  <=  2 u (3 |W| + 16 |step|) + 20 least

    with step = lr m / (1 - beta1**t) / (sqrt(v / (1 - beta2**t)) + eps). On each side the table is rounded
    twice and the step some ten times; the rest is for this sum itself.
    """

    def step(m: Array, v: Array) -> Array:
        d = np.sqrt(v.astype(np.float64) / (1 - config.betas[1] ** t)) + config.eps
        return config.lr / (1 - config.betas[0] ** t) * m.astype(np.float64) / d

    ours, theirs = step(*moments), step(*others)
    residual = after - ((1 - config.lr * config.weight_decay) * before - (ours - theirs))
    least = float(np.finfo(config.dtype).smallest_subnormal)
    rounding = 3 * abs(weight.astype(np.float64)) + 16 * abs(ours)
    return residual, 2 * unit_roundoff(config.dtype) * rounding + 20 * least


def weight_bound(config: Config, device: str = "cpu") -> float:
    """The largest difference of two tables trained by ``config``: measured, not derived, and so only for
    schedules like the published one: lr * steps up to 50, lr up to 0.1, batches up to 8,192 tokens, betas
    from 0.5 up. Beyond that it is infinite, and ``update_residual`` judges alone.

    1e-13 in float64 and 2e-5 in float32 are 56 and 21 times what 5,000 published steps showed on
    CPU (1.8e-15 and 9.5e-7; ``bigram compare``). Another device rounds constants and sums otherwise; its
    factor is a prediction not yet measured.
    """
    alike = (
        config.lr * config.max_iters <= 50
        and config.lr <= 0.1
        and config.batch_size * config.block_size <= 8192
        and config.betas[1] >= config.betas[0] >= 0.5
    )
    base = {"float64": 1e-13, "float32": 2e-5}[config.dtype]
    return base * (1 if device == "cpu" else 10) if alike else float("inf")


class _Terms(NamedTuple):
    """What both bounds are made of, in float64 whatever W is."""

    z: Array  # |z| + E_p|z|, with |z| 0 where p is 0, for then p is exact
    logp: Array  # |log p|, likewise
    p: Array
    scale: Array  # S
    n: Array  # (V, 1)
    N: float


def _terms(W: Array, counts: NDArray[np.integer]) -> _Terms:
    x = W.astype(np.float64)
    z = x - x.max(axis=1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    p = np.exp(logp)
    n = counts.sum(axis=1, keepdims=True).astype(np.float64)
    N = float(n.sum())
    z, logp = (np.where(p > 0, -x, 0) for x in (z, logp))
    return _Terms(z + (p * z).sum(axis=1, keepdims=True), logp, p, (n * p + counts) / N, n, N)


def _rounding(dtype: DTypeLike, terms: _Terms, exp_of_log: int, per_token: int) -> Array:
    z, logp, _, scale, n, N = terms
    roundings = z + exp_of_log * logp + per_token * n + 32
    tiny = float(np.finfo(dtype).tiny)
    return unit_roundoff(dtype) * scale * roundings + 4 * tiny * n / N


def _drift(terms: _Terms, distance: float) -> Array:
    # Past 700 the exponential is infinite; a distance that is not a number stays one.
    return terms.n * terms.p / terms.N * np.expm1(min(2 * distance, 700.0))
