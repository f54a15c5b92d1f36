"""The doctor for kernels: a fused cross-entropy on logits, and the scatter-add of an embedding's
backward.

**Cross-entropy.** dlogits = (p - onehot) w, where w is 1 / N for the mean and 1 for the sum. This
is the gradient of ``bounds.py`` with every row visited once (n = 1), so the derivation there holds
with b = 0:

    |error| <= u S (|z| + E_p|z| + |log p| + 32) + 4 tiny w        S = (p + onehot) w

The loss of a token, log s - z[y], rounds by u (|z[y]| + E_p|z| + 32) to first order; the sum over N
tokens in any order adds N u of its terms, none of which is negative. Of an ignored row the gradient
is exactly 0.

**Embedding.** A row of dW is a sum of n terms, in any order:

    |error| <= u n sum |d|

**16 bits.** Results in float16 or bfloat16, with float32 inside: u above is float32's, and the
result is rounded to 16 bits at most twice, when it is stored and when it is scaled: 2 u16 |G| +
least, with ``least`` the smallest positive number. The logits are numbers of 16 bits, so nothing is
lost on the way in.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bigram.bounds import unit_roundoff
from bigram.comparator import Row, compare_tensor
from bigram.doctor.api import Result, Subject, name_of_subject, result_of, usual_errors
from bigram.doctor.interfaces import Call, GradientSubject
from bigram.doctor.mistakes.stages import normalised
from bigram.doctor.subject import ask
from bigram.doctor.verdict import Report
from bigram.doctor.witnesses import decimal_truth
from common.arrays import Array
from common.errors import UserError

DTYPES = ("float64", "float32", "float16", "bfloat16")
# Of the numbers that come back: u, and the smallest positive one.
SIXTEEN = {"float16": (2.0**-11, 2.0**-24), "bfloat16": (2.0**-8, 2.0**-133)}


def inside(dtype: str) -> str:
    """The precision that is computed in."""
    return "float32" if dtype in SIXTEEN else dtype


def rounded(x: Array, dtype: str) -> Array:
    """``x`` in ``dtype``; numbers of bfloat16 stand in float32, which holds them all."""
    if dtype != "bfloat16":
        return x.astype(dtype)
    bits = x.astype(np.float32).view(np.uint32)
    near = bits + 0x7FFF + ((bits >> 16) & 1)  # to the nearest, ties to even
    return (near & np.uint32(0xFFFF0000)).view(np.float32)


def with_storage(bound: Array, truth: Array, dtype: str) -> Array:
    """``bound``, and the rounding to 16 bits if there is one."""
    if dtype not in SIXTEEN:
        return bound
    u, least = SIXTEEN[dtype]
    return bound + 2 * u * (abs(truth) + bound) + least


SUMMED = ": summed, not averaged"
DIVIDE = {
    "mistake": "sum instead of mean",
    "why": "The answer is that of the sum over all tokens.",
    "mend": "Divide by N, or give reduction='sum' if the sum is meant.",
}


class KernelCase(NamedTuple):
    """Arguments, and the right answers with how far a correct one may lie from them."""

    name: str
    given: tuple[Any, ...]
    truth: dict[str, Array]
    bound: dict[str, Array]


class LogitsSubject(GradientSubject):
    """``(logits, targets) -> {"loss": ..., "dlogits": ...}``."""

    roles = ("logits", "targets")
    gradient = "dlogits"
    containers = ("an array",)


class EmbeddingSubject(GradientSubject):
    """``(dlogits, idx, V) -> {"dW": ...}``."""

    roles = ("dlogits", "idx", "V")
    containers = ("an array",)

    def shape(self, *given: Any) -> tuple[int, ...]:
        """(V, D)."""
        return (given[2], given[0].shape[1])


def cross_entropy_cases(
    dtype: str, reduction: str, ignore_index: int | None
) -> Iterator[KernelCase]:
    """Rows that are wide, saturated and all zero, one row and many, V that is no multiple of 2, 16
    or 64."""
    rng = np.random.default_rng(23)

    def case(name: str, N: int, V: int, scale: float = 2.0) -> tuple[str, Array, NDArray]:
        return name, rng.normal(scale=scale, size=(N, V)), rng.integers(V, size=N)

    several = case("tokens and characters different", 15, 9)
    saturated = case("saturated logits", 12, 5, 300.0)
    saturated[1][3, 1] = 1000.0
    saturated[2][:] = rng.integers(5, size=12)
    for name, logits, targets in (
        several,
        ("the same again", *several[1:]),
        case("one token", 1, 7),
        case("two characters", 11, 2),
        case("a single character to choose from", 3, 1),
        case("logits all zero", 6, 8, 0.0),
        case("a wide range of probabilities", 20, 10, 8.0),
        saturated,
        ("logits shifted by 500", several[1] + 500, several[2]),
        case("301 characters", 37, 301),
        ("targets in int32", several[1], several[2].astype(np.int32)),
    ):
        y, x = targets.copy(), rounded(logits, dtype)
        if ignore_index is not None and len(y) > 2:
            y[1::3] = ignore_index
        if (y == ignore_index).all():  # a mean over nothing
            continue
        yield KernelCase(name, (x, y), *_cross_entropy(x, y, dtype, reduction, ignore_index))


def _cross_entropy(
    logits: Array, targets: NDArray, dtype: str, reduction: str, ignore_index: int | None
) -> tuple[dict[str, Array], dict[str, Array]]:
    kept = targets != ignore_index if ignore_index is not None else np.ones(len(targets), bool)
    x, y, tokens = logits[kept].astype(np.float64), targets[kept], np.arange(kept.sum())
    N = len(y) if reduction == "mean" else 1
    loss, dlogits = decimal_truth(x, tokens, y, divisor=N)
    truth = {"loss": np.asarray(loss), "dlogits": np.zeros(logits.shape)}
    truth["dlogits"][kept] = dlogits
    # The bounds; where p is 0 in this precision it is exact.
    u, tiny = unit_roundoff(inside(dtype)), float(np.finfo(inside(dtype)).tiny)
    p, logp = normalised(x)
    z = x.max(axis=1, keepdims=True) - x
    mean_z = (p * z).sum(axis=1, keepdims=True)
    S = (p + np.eye(x.shape[1])[y]) / N
    errors = np.where(p > 0, z - logp, 0) + mean_z + 32
    losses = z[tokens, y] + mean_z[:, 0] + 32 - len(y) * logp[tokens, y]
    room = {"loss": np.asarray(u * losses.sum() / N), "dlogits": np.zeros(logits.shape)}
    room["dlogits"][kept] = u * S * errors + 4 * tiny / N
    bound = {name: with_storage(room[name], truth[name], dtype) for name in truth}
    bound["dlogits"][~kept] = 0.0
    return truth, bound


def embedding_cases(dtype: str) -> Iterator[KernelCase]:
    """Ids that repeat 300 times, once or never; sizes that are no multiple of 2, 16 or 64."""
    rng = np.random.default_rng(24)
    ids = rng.permutation(np.repeat([0, 3, 4, 7], [300, 1, 2, 40]))
    for name, D, idx, V in (
        ("ids that repeat 300 times, once and never", 9, ids, 9),
        ("the same again", 9, ids, 9),
        ("one token", 5, np.array([2]), 4),
        ("one id", 3, np.zeros(37, int), 1),
        ("a vector of 129", 129, rng.integers(50, size=77), 67),
        ("ids in int32", 9, ids.astype(np.int32), 9),
    ):
        d = rounded(rng.standard_normal((len(idx), D)), dtype)
        dW, bound = np.zeros((V, D)), np.zeros((V, D))
        for i in np.unique(idx):
            terms = d[idx == i].astype(np.float64)
            dW[i] = [math.fsum(column) for column in terms.T]
            bound[i] = unit_roundoff(inside(dtype)) * len(terms) * abs(terms).sum(axis=0)
        bound = np.where(bound > 0, with_storage(bound, dW, dtype), 0)
        yield KernelCase(name, (d, idx, V), {"dW": dW}, {"dW": bound})


def check_cross_entropy(
    f: Subject,
    *,
    dtype: str = "float64",
    reduction: str = "mean",
    ignore_index: int | None = None,
    limit: float = 10.0,
    isolate: bool = False,
    like: str | None = None,
) -> Result:
    """Is this fused cross-entropy right? ``f(logits (N, V), targets (N,)) -> (loss, dlogits)``.

    ``dtype``: of logits and dlogits; with "float16" and "bfloat16" f is to compute in float32.
    ``reduction``: "mean" or "sum". ``ignore_index``: a target whose token counts for nothing. Other
    options as for ``check``.
    """
    if reduction not in ("mean", "sum"):
        raise UserError(f"reduction is {reduction!r}; it must be 'mean' or 'sum'")
    return _check(
        f,
        LogitsSubject,
        lambda dtype: cross_entropy_cases(dtype, reduction, ignore_index),
        dtype,
        limit,
        isolate,
        like,
    )


def check_embedding(
    f: Subject,
    *,
    dtype: str = "float64",
    limit: float = 10.0,
    isolate: bool = False,
    like: str | None = None,
) -> Result:
    """Is this backward of an embedding right? ``f(dlogits (N, D), idx (N,), V) -> dW (V, D)``."""
    return _check(f, EmbeddingSubject, embedding_cases, dtype, limit, isolate, like)


def _check(
    f: Subject,
    subject: type[GradientSubject],
    make: Callable[[str], Iterator[KernelCase]],
    dtype: str,
    limit: float,
    isolate: bool,
    like: str | None,
) -> Result:

    def judged(dtype: str) -> dict[str, Any]:
        with usual_errors():
            cases = list(make(dtype))
        wanted = tuple(cases[0].truth)
        calls = [
            (case.name, Call(case.given, wanted, like, subject, dtype == "bfloat16"))
            for case in cases
        ]
        answers, complaint, called, _ = ask(f, calls, limit, isolate)
        rows: list[tuple[str, Row]] = []
        pattern = []
        with usual_errors():
            for case, answer in zip(cases, answers, strict=False):
                for name in wanted:
                    row = compare_tensor(name, answer[name], case.truth[name], case.bound[name])
                    rows.append((case.name, row))
                    if row.fraction_of_bound > 1:
                        seen = _seen(answer[name], case, name)
                        pattern.append(f"{name} on the case '{case.name}' {seen}")
        summed = [line for line in pattern if line.endswith(SUMMED)]
        diagnosis = [DIVIDE] if summed and summed == pattern else []
        said = [] if diagnosis else pattern
        report = Report(name_of_subject(f), complaint, rows, pattern=said)
        N, V = np.max([case.given[0].shape for case in cases], axis=0)
        size = f"largest: V = {V:,}, N = {N:,}"
        return report.record() | {
            "diagnosis": diagnosis,
            "called": called,
            "looked_at": f"{len(answers)} of {len(cases)} cases; {size}; {dtype}",
            "left_out": [],
        }

    return result_of(judged, dtype, limit, like, DTYPES)


def _seen(value: Array, case: KernelCase, name: str) -> str:
    """Describes a wrong answer."""
    truth, N = case.truth[name], len(case.given[0])
    if not np.isfinite(value).all():
        lost = int((~np.isfinite(value)).sum())
        return f"has {lost} values that are not finite: is the largest logit subtracted first?"
    large = abs(truth) > 1e-2 * abs(truth).max()
    ratio = np.divide(value, truth, where=large, out=np.zeros(truth.shape))[large]
    if ratio.size and np.ptp(ratio) <= 1e-2 * abs(ratio).max():
        factor = float(ratio.mean())
        hint = SUMMED if N > 1 and math.isclose(factor, N, rel_tol=1e-2) else ""
        return f"is {factor:.6g} times the right one, N = {N}{hint}"
    wrong = abs(value - truth) > case.bound[name]
    return f"is wrong in {int(wrong.sum())} of {truth.size} entries"
