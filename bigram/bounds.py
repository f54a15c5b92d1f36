"""How far two correct implementations may lie apart: derived, entry by entry, not picked by eye.

**Gradient.** G = (n p - C) / N: what was expected less what was seen. Near the minimum these nearly
cancel, so an error that is tiny beside either is large beside G, and a *relative* tolerance on G
fails correct code, while an *absolute* one passes anything where G is small. The honest yardstick
is the magnitude before the subtraction, the cancellation scale

    S = (n p + C) / N

Every operation rounds its exact result by a factor 1 + d, |d| <= u. To first order in u, in units
of u:

    z = x - max           |z|, absolute; exp turns it into |z|, relative
    e = exp(z)            |z| + a few of the library's own
    s = sum(e)            E_p|z| + a few: the terms' errors, in the mean by p, and the sum's own
    p = e / s             |z| + E_p|z| + a few
      = exp(z - log s)    the same + |log p|, for log p is rounded before exp sees it        (a = 1)
    n p - C               n p carries all of that; the difference is rounded too
      token by token      each of the n additions into a row rounds what is there by up to S (b = 1)
    / N                   + 1

    |error| <= u S (|z| + E_p|z| + a |log p| + b n + room) + 4 tiny n / N

``room`` is 32 for all the "few": two exp or log of up to 4 u each, a sum of V terms in pairs or
blocks, the divisions. torch (a = 1) adds a row one by one in the lanes of a vector, of 16 bytes or
more: V divided by the lanes, where that is more than 32. The last term is for probabilities below
``tiny``, the smallest normal number, which are rounded in absolute steps. The difference of two
implementations is at most the sum of their bounds.

**Loss.** The mean of log s - z has the same errors, each in nats or relative to a term of the sum:
``room`` again, relative above 1 nat and absolute below, for each of the two.

**In lockstep** the two gradients belong to tables that already differ a little. If no entry of a
row of W moves by more than ``distance`` d, no log p of the row moves by more than 2 d, and no p
leaves [0, 1]. So a loss moves by at most 2 d, and

    |G - G'|  <=  n / N  max(min(1, exp(log p + 2 d)) - p,  p (1 - exp(-2 d)))

log p is taken as it is, also where p is too small for a number and a large d can bring it back.

**Moments** are running means of what the gradients bound, so their bounds run along with them:
``MomentBounds``. **Weights** are judged twice. Each update may add no more than its own roundings
to the measured differences of the tables and of the moments: ``update_residual``. The difference
over a whole run has no bound that could be told in advance, for AdamW divides by the gradient's own
size and a worst case would grow exponentially. Over schedules like the published one it is
measured: ``weight_bound``. Over others the measured differences of the steps are added up, with
their roundings.

**Vacuous** is a bound that allows so much that it can find nothing. Two gradients of one batch lie
within n / N of each other for any two tables, for p is between 0 and 1; one that has lost all
knowledge of p still lies within max(p, 1 - p) n / N, at least half of that. So a bound is called
vacuous from the step on where at most entries of the rows in the batch it is at least half of the
largest difference that there can be:

    loss          max(1, loss)
    gradient      n / N
    exp_avg       the running mean of n / N                   exp_avg_sq    of its square
    weights       |W| + |W'|

It goes on being looked at, for even so it is a bound, but it says nothing any more.

Three assumptions: a row is shifted by its maximum before anything else is done to it (logsumexp of
the unshifted row rounds by u max|x|); sums of many terms go in pairs, blocks or lanes, as those of
NumPy and torch do, not one by one; and subnormal numbers are kept, not flushed to zero.
"""

from typing import Any, NamedTuple

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
    # a: p was computed as exp(log p) and its row added in lanes, as torch does
    exp_of_log: bool = False,
    per_token: bool = False,  # b: the gradient was added up token by token
) -> Array:
    """The largest error of each entry of dW against the exact gradient at W: ``(V, V)`` float64."""
    return _rounding(W.dtype, _terms(W, counts), exp_of_log, per_token)


def gradient_drift(W: Array, counts: NDArray[np.integer], distance: float | Array) -> Array:
    """How far the exact gradient moves, at most, if no entry of W, or of each row, (V, 1), moves by
    more than ``distance``: ``(V, V)`` float64."""
    return _drift(_terms(W, counts), distance)


def lockstep_gradient_bound(
    W: Array, other: Array, counts: NDArray[np.integer], distance: float | Array
) -> Array:
    """How far the gradient by pair counts at W and torch's at ``other``, no more than ``distance``
    away, may lie apart: the bound of each at its own table and the drift, ``(V, V)`` float64. Some
    rows of all three do as well, (R, V), if all tokens are in them."""
    terms = _terms(W, counts)
    theirs = gradient_bound(other, counts, exp_of_log=True, per_token=True)
    return _rounding(W.dtype, terms, 0, 0) + theirs + _drift(terms, distance)


def room(dtype: DTypeLike, vocab_size: int = 1, lanes: bool = False) -> float:
    """In units of u, the part that does not depend on the logits: see above. ``lanes``: rows
    are added one by one in vectors, of 16 bytes where they are shortest."""
    return max(32.0, vocab_size * np.dtype(dtype).itemsize / 16 if lanes else 0.0)


def loss_bound(loss: float, dtype: DTypeLike, distance: float = 0.0, vocab_size: int = 1) -> float:
    """The largest difference of two correct losses, in nats, one of them torch's, at tables
    ``distance`` apart: in the mean over the tokens, the largest of each token's row. Up to 64 the
    vocabulary's size makes no difference."""
    roundings = room(dtype) + room(dtype, vocab_size, lanes=True)
    return roundings * unit_roundoff(dtype) * max(1.0, abs(loss)) + 2 * distance


class MomentBounds:
    """The largest differences of exp_avg and exp_avg_sq between two AdamWs, updated step by step.

    With |g - g'| <= G in every entry, m = beta1 m + (1 - beta1) g and v = beta2 v + (1 - beta2)
    g g:

        |m - m'|  <=  beta1 M + (1 - beta1) G
                      + 6 (u (|m| + (1 - beta1) (|g| + |m0|)) + least)
        |v - v'|  <=  beta2 V + (1 - beta2) (2 |g| G + G G)
                      + 6 (u v + least)

    The last terms are three roundings a step in each of the two, where m0 is the mean before the
    step: as m0 + (1 - beta1) (g - m0) it may be far larger than the result. Each size is taken as
    large as it may be on either side, |g| + G for |g|. ``least``, the smallest positive number, is
    for rows not visited for so long that their moments have all but faded away.
    """

    def __init__(
        self, shape: tuple[int, ...], dtype: DTypeLike, betas: tuple[float, float]
    ) -> None:
        self.u = unit_roundoff(dtype)
        self.least = float(np.finfo(dtype).smallest_subnormal)
        self.betas = betas
        self.exp_avg = np.zeros(shape)
        self.exp_avg_sq = np.zeros(shape)
        self._size = np.zeros(shape)  # |exp_avg|

    def step(
        self,
        gradient: Array,
        bound: Array,
        exp_avg: Array,
        exp_avg_sq: Array,
        rows: slice = slice(None),
        visited: Any = slice(None),
    ) -> None:
        """``gradient`` of this step and its ``bound``, of the rows that are ``visited``; the
        moments as they are after it. All of these may be a part of the whole, ``rows``."""
        beta1, beta2 = self.betas
        M, V, m = self.exp_avg[rows], self.exp_avg_sq[rows], self._size[rows]  # views
        g = abs(gradient.astype(np.float64))
        sizes = M + m  # of the rounded numbers: first m0,
        sizes *= 1 - beta1
        sizes[visited] += (1 - beta1) * (g + bound)
        np.abs(exp_avg, out=m)
        M *= beta1
        M[visited] += (1 - beta1) * bound
        sizes += m  # and then m
        sizes += M
        sizes *= 6 * self.u
        sizes += 6 * self.least
        M += sizes
        V *= beta2
        V[visited] += (1 - beta2) * (2 * g + bound) * bound
        np.add(exp_avg_sq, V, out=sizes)
        sizes *= 6 * self.u
        sizes += 6 * self.least
        V += sizes


class Update(NamedTuple):
    """The effect of one update on the difference of two tables, (V, V) float64 each."""

    moved: Array  # the difference of the two steps, as it follows from the moments
    residual: Array  # the update added this beyond it
    rounding: Array  # the most that rounding may add


def update_residual(
    config: Config,
    t: int,  # updates made, this one included
    before: Array,  # W - W' before the update, (V, V) float64
    after: Array,  # W - W' after it
    weights: tuple[Array, Array],  # W and W' after it
    moments: tuple[Array, Array],  # exp_avg and exp_avg_sq after it
    others: tuple[Array, Array],  # the other AdamW's
) -> Update:
    """The part of the difference of two tables that one update has added beyond the difference
    before it and that of the moments explain, and the most that rounding may add.

        W - W'  =  (1 - lr weight_decay) (W - W')  -  (step - step')  +  residual
        |residual|  <=  2 u (3 max(|W|, |W'|) + 16 max(|step|, |step'|)) + 20 least

    with step = lr m / (1 - beta1**t) / (sqrt(v / (1 - beta2**t)) + eps). On each side, in units of
    u: the factor of the decay is rounded and the product with it, which is at most |W| + |step|
    from here, and the sum of both, |W|; in the step the two constants, the product, the root (2,
    where a library's is one unit in the last place off), two quotients, the sum with eps: 3 |W| +
    11 |step|. The rest is for this sum itself. Where the two have parted, by large steps in
    opposite directions, the one may be far larger than the other: the larger of both stands for
    each.
    """

    def step(m: Array, v: Array) -> Array:
        d = np.multiply(v, 1 / (1 - config.betas[1] ** t), dtype=np.float64)
        np.sqrt(d, out=d)
        d += config.eps
        step = np.multiply(m, config.lr / (1 - config.betas[0] ** t), dtype=np.float64)
        step /= d
        return step

    ours, theirs = step(*moments), step(*others)
    moved = ours - theirs
    residual = (1 - config.lr * config.weight_decay) * before
    residual -= moved
    np.subtract(after, residual, out=residual)
    u, least = unit_roundoff(config.dtype), float(np.finfo(config.dtype).smallest_subnormal)
    rounding = np.maximum(abs(ours), abs(theirs), out=ours)
    rounding *= 2 * u * 16
    rounding += np.multiply(np.maximum(*map(abs, weights)), 2 * u * 3, dtype=np.float64)
    rounding += 20 * least
    return Update(moved, residual, rounding)


def weight_bound(config: Config, device: str = "cpu") -> float:
    """The largest difference of two tables trained by ``config``: measured, not derived, and so
    only for schedules like the published one: lr * steps up to 50, lr up to 0.1, batches up to
    8,192 tokens, betas from 0.5 up. Beyond that it is infinite: see above for the bound in that
    case.

    1e-13 in float64 and 2e-5 in float32 are 56 and 21 times the difference after 5,000 published
    steps on CPU (1.8e-15 and 9.5e-7; ``bigram compare``). Another device rounds constants and sums
    otherwise; its factor is a prediction not yet measured.
    """
    alike = (
        config.lr * config.max_iters <= 50
        and config.lr <= 0.1
        and config.batch_size * config.block_size <= 8192
        and config.betas[1] >= config.betas[0] >= 0.5
    )
    base = {"float64": 1e-13, "float32": 2e-5}[config.dtype]
    return base * (1 if device == "cpu" else 10) if alike else float("inf")


def is_vacuous(bound: float | Array, possible: float | Array) -> bool:
    """Whether at most entries the bound is at least half of the largest possible difference: see
    above."""
    return bool((bound >= np.multiply(0.5, possible)).mean() > 0.5)


class _Terms(NamedTuple):
    """The terms of both bounds, in float64 for either dtype of W."""

    z: Array  # |z| + E_p|z|, with |z| 0 where p is 0, for then p is exact
    logp: Array  # log p
    p: Array
    scale: Array  # S
    n: Array  # (V, 1)
    N: float


def _terms(W: Array, counts: NDArray[np.integer]) -> _Terms:
    x = W.astype(np.float64)
    z = x - x.max(axis=1, keepdims=True)
    p = np.exp(z)
    s = p.sum(axis=1, keepdims=True)
    p /= s
    logp = z - np.log(s)
    n = counts.sum(axis=1, keepdims=True).astype(np.float64)
    N = float(n.sum())
    z = np.where(p > 0, np.negative(z, out=z), 0)
    return _Terms(z + (p * z).sum(axis=1, keepdims=True), logp, p, (n * p + counts) / N, n, N)


def _rounding(dtype: DTypeLike, terms: _Terms, exp_of_log: int, per_token: int) -> Array:
    z, logp, p, scale, n, N = terms
    roundings = z + room(dtype, p.shape[1], lanes=bool(exp_of_log)) + per_token * n
    if exp_of_log:
        roundings -= np.where(p > 0, logp, 0)
    tiny = float(np.finfo(dtype).tiny)
    return unit_roundoff(dtype) * scale * roundings + 4 * tiny * n / N


def _drift(terms: _Terms, distance: float | Array) -> Array:
    _, logp, p, _, n, N = terms
    d = np.broadcast_to(2 * np.asarray(distance), n.shape)
    # an infinite distance, or one that is not a number
    with np.errstate(over="ignore", invalid="ignore"):
        up = p * np.expm1(d)
        # That is the difference in the docstring without its cancellation. It overflows where d is
        # large; there the difference is taken, and the exponent's own rounding counts.
        far = np.flatnonzero(d >= 1)
        exponent = logp[far] + d[far] + 4 * unit_roundoff(np.float64) * (d[far] - logp[far])
        up[far] = np.exp(np.minimum(exponent, 0)) - p[far]
        return n / N * np.maximum(np.minimum(up, 1 - p), -p * np.expm1(-d))
