"""Independent ways to know the gradient. Where they agree, only what they all share can be wrong.

A witness is a function ``(W, idx, targets) -> (loss, dW)`` with a line on its blind spots and a
bound on its own error. None calls another's arithmetic: each counts, shifts and sums in its own
way. ``taylor_order``, at the end, needs no second gradient; ``intermediates.py`` looks inside the
gradient.

Nothing here passes a verdict: ``bounds.py`` says how far apart two correct gradients may lie, and
``comparator.py`` how far two are. torch is imported only where it is the witness.
"""

import importlib.util
import math
import sys
from collections import Counter
from collections.abc import Callable
from decimal import Decimal, localcontext
from fractions import Fraction
from types import ModuleType
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from bigram.bounds import gradient_bound, gradient_drift, unit_roundoff
from common.arrays import Array, Ids
from impl_numpy import cross_entropy, pair_counts, stepwise

Counts = NDArray[np.integer]
Gradient = Callable[[Array, Ids, Ids], tuple[float, Array]]

COMPLEX_STEP = 1e-30  # its square is far below the last bit of anything
REAL_STEP = 1e-5  # near the cube root of u, where truncation and rounding are of one size


def autograd(W: Array, idx: Ids, targets: Ids) -> tuple[float, Array]:
    """torch's own derivative of the loss in ``impl_torch/model.py``, in W's dtype."""
    import torch

    from impl_torch.model import BigramLanguageModel

    model = BigramLanguageModel(len(W))
    weight = model.token_embedding_table.weight = torch.nn.Parameter(torch.from_numpy(W.copy()))
    _, loss = model(*(torch.from_numpy(ids.astype(np.int64)) for ids in (idx, targets)))
    (dW,) = torch.autograd.grad(loss, [weight])
    return loss.item(), dW.double().numpy()


def _by_hand(form: ModuleType) -> Gradient:
    # One of impl_numpy's, which compute in W's dtype. float64 holds every float32 as it is.
    def gradient(W: Array, idx: Ids, targets: Ids) -> tuple[float, Array]:
        loss, dW = form.loss_and_gradient(W, idx, targets)
        return loss, dW.astype(np.float64)

    return gradient


def complex_step(W: Array, idx: Ids, targets: Ids) -> tuple[float, Array]:
    """Im f(W + ih) / h in complex128: no difference is taken, so nothing cancels (Squire and Trapp,
    "Using Complex Variables to Estimate Derivatives of Real Functions", SIAM Review 40, 1998). The
    method's own error is of order h**2.

    Row i of W matters to no token but those with id i. So one evaluation moves a whole column, and
    the loss of each row belongs to one entry: V evaluations for V * V derivatives.
    """
    h = COMPLEX_STEP
    rows, row = np.unique(idx, return_inverse=True)
    counts = np.zeros((len(rows), len(W)))
    np.add.at(counts, (row.ravel(), targets.ravel()), 1)
    dW = np.zeros(W.shape)
    for j in range(len(W)):
        x = W[rows].astype(np.complex128)
        x[:, j] += 1j * h
        # Comparing complex numbers has no derivative; any constant may be subtracted from a row.
        z = x - x.real.max(axis=1, keepdims=True)
        logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        losses = -np.multiply(counts, logp, where=counts > 0, out=np.zeros_like(logp)).sum(axis=1)
        dW[rows, j] = losses.imag / h / idx.size
    return float(losses.real.sum() / idx.size), dW


def decimal_truth(
    W: Array, idx: Ids, targets: Ids, dtype: DTypeLike = np.float64, divisor: int | None = None
) -> tuple[float, Array]:
    """The loss and dW (V, V) to 50 digits, rounded at the end, dW to ``dtype``: float64 or long
    double. Every logit is taken for exactly the number it is, also a float32. The sum over the
    tokens is divided by ``divisor``, or by their number. Raises ``decimal.InvalidOperation`` where
    the largest logit of a visited row is not finite."""
    divisor = divisor or idx.size
    rows: dict[int, Counter[int]] = {}
    for i, y in zip(idx.ravel().tolist(), targets.ravel().tolist(), strict=True):
        rows.setdefault(i, Counter())[y] += 1
    dW = np.zeros(W.shape, dtype)
    with localcontext(prec=50):
        loss = Decimal(0)
        for i, seen in rows.items():
            x = [Decimal(logit) for logit in W[i].tolist()]
            top, n = max(x), seen.total()
            e = [(logit - top).exp() for logit in x]
            s = sum(e, Decimal(0))
            log_s = s.ln()
            loss += sum(count * (log_s - (x[y] - top)) for y, count in seen.items())
            for j in range(len(x)):
                G = (n * e[j] / s - seen[j]) / divisor
                # The nearest float64, and the rest, for which a long double has room.
                dW[i, j] = dW.dtype.type(float(G)) + dW.dtype.type(float(G - Decimal(float(G))))
        return float(loss / divisor), dW


def rationals(W: Array, idx: Ids, targets: Ids) -> tuple[float, Array]:
    """Where the logits of a row are all the same, p = 1 / V, and dW = (n / V - C) / N is a
    fraction."""
    V, N = len(W), idx.size
    dW = np.zeros(W.shape)
    ids = idx.ravel().tolist()
    pairs = Counter(zip(ids, targets.ravel().tolist(), strict=True))
    for i, n in Counter(ids).items():
        dW[i] = [float((Fraction(n, V) - pairs[i, j]) / N) for j in range(V)]
    return math.log(V), dW


def optimum(W: Array, idx: Ids, targets: Ids) -> tuple[float, Array]:
    """Where W = log C, softmax gives back the counts' own frequencies: expected equals seen,
    so the gradient is 0, and the loss is the conditional entropy H(next | current)."""
    ids = idx.ravel().tolist()
    seen = Counter(ids)
    pairs = Counter(zip(ids, targets.ravel().tolist(), strict=True))
    entropy = (
        math.fsum(count * math.log(seen[i] / count) for (i, _), count in pairs.items()) / idx.size
    )
    return entropy, np.zeros(W.shape)


def long_double(W: Array, idx: Ids, targets: Ids) -> tuple[float, Array]:
    """Token by token as the formula reads, in the longest type the processor has. dW is a
    longdouble."""
    dW = np.zeros(W.shape, np.longdouble)
    loss = np.longdouble(0)
    for i, y in zip(idx.ravel(), targets.ravel(), strict=True):
        z = W[i].astype(np.longdouble)
        z -= z.max()
        s = np.exp(z).sum()
        loss += np.log(s) - z[y]
        dW[i] += np.exp(z) / s
        dW[i, y] -= 1
    return float(loss / idx.size), dW / idx.size


def central_differences(W: Array, idx: Ids, targets: Ids) -> tuple[float, Array]:
    """(f(W + h) - f(W - h)) / 2h in float64: a column at a time, as the loss goes row by row."""
    h = REAL_STEP
    counts = np.zeros(W.shape)
    np.add.at(counts, (idx, targets), 1)
    rows = counts.any(axis=1)  # the others have no part in the loss
    counts, x = counts[rows], W[rows].astype(np.float64)

    def losses(x: Array) -> Array:
        logp = x - np.logaddexp.reduce(x, axis=1, keepdims=True)
        return (
            -np.multiply(counts, logp, where=counts > 0, out=np.zeros(x.shape)).sum(axis=1)
            / idx.size
        )

    dW = np.zeros(W.shape)
    dW[rows] = np.stack(
        [(losses(x + step) - losses(x - step)) / (2 * h) for step in h * np.eye(len(W))], axis=1
    )
    return float(losses(x).sum()), dW


def _no_softmax(W: Array, counts: Counts) -> str | None:
    # What NaN, +inf and a row of -inf should give is a decision, not a derivative.
    lost = ~np.isfinite(W.max(axis=1)) & counts.any(axis=1)
    return f"the largest logit of row {lost.argmax()} is not finite" if lost.any() else None


def _no_torch(W: Array, counts: Counts) -> str | None:
    if not importlib.util.find_spec("torch"):
        return "torch is not installed"
    # Loading it takes longer than all other witnesses together.
    return _no_softmax(W, counts) if "torch" in sys.modules else "torch is not loaded"


def _no_differences(W: Array, counts: Counts) -> str | None:
    # 2 V losses of V rows: at V = 300 they take longer than all other witnesses together.
    return _no_softmax(W, counts) if len(W) <= 200 else f"V = {len(W)} is too large for differences"


def _no_long_double(W: Array, counts: Counts) -> str | None:
    bits = np.finfo(np.longdouble).nmant
    return _no_softmax(W, counts) if bits >= 63 else f"a long double has only {bits} bits here"


def _no_rationals(W: Array, counts: Counts) -> str | None:
    visited = W[counts.any(axis=1)]
    if not np.isfinite(visited).all() or (visited != visited[:, :1]).any():
        return "the logits are not constant in each row"
    for name, size in (("V", len(W)), ("N", int(counts.sum()))):
        # else all is whole numbers over a power of two, and floats are exact too
        if size & (size - 1):
            return f"{name} = {size} is not a power of two"
    return None


def _no_optimum(W: Array, counts: Counts) -> str | None:
    if reason := _no_softmax(W, counts):
        return reason
    rounding = 4 * unit_roundoff(W.dtype) * (np.log(counts.max()) + abs(W[counts > 0]).max())
    near = _from_log_counts(W, counts) <= min(rounding, 0.01)
    return None if near else "W is not log C, and -inf for unseen pairs"


def _from_log_counts(W: Array, counts: Counts) -> float:
    # How far any visited row is from log C plus a constant, at most. Infinitely, if a pair that was
    # never seen has a logit: its own would be log 0.
    seen, visited = counts > 0, counts.any(axis=1)
    if (W[visited] > -np.inf)[~seen[visited]].any():
        return math.inf
    log_counts = np.log(np.where(seen, counts, 1))
    offset = np.where(seen, W, 0) - log_counts
    spread = np.where(seen, offset, -np.inf).max(axis=1) - np.where(seen, offset, np.inf).min(
        axis=1
    )
    rounding = 2 * unit_roundoff(np.float64) * (log_counts.max() + abs(offset).max())
    return float(spread[visited].max() / 2 + rounding)


def _complex_bound(W: Array, counts: Counts) -> Array:
    # That of pair counts, in float64. And h * p may be so small that it is rounded in steps of
    # 5e-324.
    n = counts.sum(axis=1, keepdims=True)
    return gradient_bound(W.astype(np.float64), counts) + 4 * 5e-324 / COMPLEX_STEP * n / n.sum()


def _central_bound(W: Array, counts: Counts) -> Array:
    """h**2 / 6 |f'''| + rounding / h. One row has f''' = n / N p (1 - p) (1 - 2 p), and that cubic
    is at most 1 / (6 sqrt 3). With M the largest |x|, each of V logaddexps rounds by 2 u (M + log
    V), the subtraction, the product and up to 32 additions each by u (2 M + log V), and x + h by u
    M."""
    u, h, V = unit_roundoff(np.float64), REAL_STEP, len(W)
    M = np.where(np.isfinite(W), abs(W), 0).max(axis=1, keepdims=True).astype(np.float64)
    n = counts.sum(axis=1, keepdims=True)
    rounding = (2 * V + 40) * u * (2 * M + math.log(V))
    return np.broadcast_to(n / n.sum() * (h**2 / (36 * 3**0.5) + rounding / h), W.shape)


def _per_token(W: Array, counts: Counts) -> Array:
    return gradient_bound(W, counts, per_token=True)


class Witness(NamedTuple):
    """One way to know the gradient of the mean cross-entropy, in nats, at a table W."""

    name: str
    sees: str  # its blind spots, in one line
    # (W, idx, targets) -> loss, dW: W (V, V) float32 or float64, ids (B, T) in [0, V); dW float64
    # or longer
    gradient: Gradient
    # (W, C) -> (V, V): its own largest error in each entry of dW
    bound: Callable[[Array, Counts], Array]
    why_not: Callable[[Array, Counts], str | None] = (
        _no_softmax  # why it cannot speak on (W, C), or None
    )


# fmt: off
WITNESSES = (
    Witness("torch autograd",
            "a mistake in any derivation by hand; not one in the loss that it differentiates",
            autograd, lambda W, C: gradient_bound(W, C, exp_of_log=True, per_token=True),
            _no_torch),
    Witness("stepwise",
            "a mistake in the algebra that the other two by hand begin with; not one in the rule "
            "of a step",
            _by_hand(stepwise), _per_token),
    Witness("fused",
            "a mistake in a step, for it takes none; not one in the algebra it begins with",
            _by_hand(cross_entropy), _per_token),
    Witness("pair counts",
            "tokens lost or counted twice, for it has only counts; not the algebra it shares with "
            "fused",
            _by_hand(pair_counts), gradient_bound),
    Witness("complex step",
            "any derivative that is not the loss's; nothing finer than the rounding of float64",
            complex_step, _complex_bound),
    # Rounded once, where the bound of a gradient computed in float64 has room for 32 times and
    # more.
    Witness("50 digits",
            "every error above the last bit of a float64; not at which step it arose",
            decimal_truth, lambda W, C: gradient_bound(W.astype(np.float64), C) / 32),
    Witness("fractions",
            "a wrong count, scale, sign or place, to the last bit; not what goes wrong where "
            "logits differ",
            rationals, lambda W, C: np.zeros(W.shape), _no_rationals),
    Witness("optimum",
            "a softmax that does not meet the counts; not a wrong sign or nearly right scale, for "
            "0 stays 0",
            optimum, lambda W, C: gradient_drift(W, C, _from_log_counts(W, C)), _no_optimum),
    Witness("long double",
            "lost precision, 2,000 times finer than float64; not a misread formula, for it is the "
            "formula",
            long_double, lambda W, C: _per_token(W.astype(np.float64), C) / 2**11, _no_long_double),
    Witness("central differences",
            "gross mistakes; nothing below 1e-10, and near the optimum that is all the gradient "
            "there is",
            central_differences, _central_bound, _no_differences),
)
# fmt: on


def taylor_order(gradient: Gradient, W: Array, idx: Ids, targets: Ids, direction: Array) -> float:
    """The order of |f(W + hD) - f(W) - h <dW, D>| in h, fitted over h = 2**-8 ... 2**-16, in
    float64.

    2 if dW is the derivative of the very loss that ``gradient`` returns with it, 1 if not. Sees a
    wrong scale, sign or place once it outweighs h; not a loss that is wrong itself, and no error
    below 1e-6 of the gradient. ``direction``: (V, V), of random numbers, so that no error is at
    right angles to it.
    """
    W = W.astype(np.float64)
    loss, dW = gradient(W, idx, targets)
    h = 0.5 ** np.arange(8, 17)
    slope = float((dW * direction).sum())
    remainders = [abs(gradient(W + k * direction, idx, targets)[0] - loss - k * slope) for k in h]
    return float(np.polyfit(np.log(h), np.log(remainders), 1)[0]) if all(remainders) else math.inf
