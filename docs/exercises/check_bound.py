"""Judges the bound of exercise 7:

    python docs/exercises/check_bound.py mine/7_bound.py:gradient_bound

A bound is right if it is the one of the derivation, on all cases of ``bigram check`` in both dtypes. If it is
not, the terms are tried with a mistake in one of them, and the mistake that gives your numbers is named. And
since a bound has a job, what yours would do to correct gradients and to the wrong ones of the catalogue is
shown too.
Exit status: 0 right, 1 wrong, 2 bad input.
"""

import sys
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bigram.bounds import gradient_bound, unit_roundoff
from bigram.comparator import compare_tensor, differences, fractions
from bigram.doctor.cases import Case, gradient_cases
from bigram.doctor.gradient import collect, truths_and_bounds
from bigram.doctor.mistakes import gradients
from bigram.doctor.subject import Complaint, as_array, run_apart
from common.arrays import Array
from common.errors import UserError
from common.pairs import count_pairs
from impl_numpy import cross_entropy, pair_counts, stepwise

FORMS = {"stepwise": stepwise, "fused": cross_entropy, "pair counts": pair_counts}


def bound_cases() -> list[Case]:
    """Those on which the room for the "few" is 32: a longer row, summed in lanes, takes more."""
    return [case for dtype in ("float64", "float32") for case in gradient_cases(dtype) if len(case.W) <= 64]


class BoundCall(NamedTuple):
    """One call of ``function(W, counts)``, in the reader's process."""

    W: NDArray
    counts: NDArray

    def prepared(self, function: Any) -> Any:
        return function

    def run(self, function: Any) -> NDArray | Complaint:
        returned = as_array(function(self.W.copy(), self.counts.copy()))
        if returned.shape != self.W.shape or returned.dtype.kind not in "fiu":
            return Complaint(f"it returned {returned.dtype} of shape {returned.shape}, not {self.W.shape}")
        return returned.astype(np.float64)


class Errors(NamedTuple):
    """By name, of each case: how far a gradient is from the truth, (V, V)."""

    correct: dict[str, list[Array]]
    wrong: dict[str, list[Array]]


class Terms(NamedTuple):
    """What the bound is made of, each (V, V) or a number: to be wrong in one of them at a time."""

    u: float
    scale: Array
    z: Array
    mean_z: Array
    logp: Array
    n: Array
    room: float
    last: Array

    def bound(self) -> Array:
        roundings = self.z + self.mean_z + self.logp + self.n + self.room
        return self.u * self.scale * roundings + self.last


def terms(W: Array, counts: NDArray[np.integer]) -> tuple[Terms, dict[str, Terms]]:
    """The terms as they are derived, and as people write them."""
    x = W.astype(np.float64)
    z = x.max(axis=1, keepdims=True) - x  # |z|
    logp = z + np.log(np.exp(-z).sum(axis=1, keepdims=True))  # |log p|
    p = np.exp(-logp)
    z, logp = np.where(p > 0, z, 0), np.where(p > 0, logp, 0)
    n = counts.sum(axis=1, keepdims=True).astype(np.float64)
    N, u, none = n.sum(), unit_roundoff(W.dtype), np.zeros(W.shape)
    mean_z = (p * z).sum(axis=1, keepdims=True)
    last = 4 * float(np.finfo(W.dtype).tiny) * n / N
    right = Terms(u, (n * p + counts) / N, z, mean_z, logp, n, 32.0, last)
    return right, {
        "the size of the gradient instead of S": right._replace(scale=abs(n * p - counts) / N),
        "C left out of S": right._replace(scale=n * p / N),
        "not divided by N": right._replace(scale=n * p + counts),
        "eps instead of u": right._replace(u=2 * u),
        "|z| left out": right._replace(z=none),
        "z instead of |z|": right._replace(z=-z, mean_z=-mean_z),
        "the mean of |z| left out": right._replace(mean_z=none),
        "the mean of |z| without weights": right._replace(mean_z=z.mean(axis=1, keepdims=True)),
        "|log p| left out": right._replace(logp=none),
        "log p instead of |log p|": right._replace(logp=-logp),
        "n left out": right._replace(n=none),
        "N instead of n": right._replace(n=none + N),
        "32 left out": right._replace(room=0.0),
        "the last term left out": right._replace(last=none),
    }


WHY = {
    "the size of the gradient instead of S": "n p keeps its error when C is taken off, however little stays.",
    "C left out of S": "What comes together in a row, token by token, may be as large as (n p + C) / N.",
    "not divided by N": "The loss is a mean, and its gradient has the 1 / N in it.",
    "eps instead of u": "np.finfo(...).eps is the distance from 1 to the next number: roundings err by half.",
    "|z| left out": "z is rounded before exp sees it, and exp turns absolute errors into relative ones.",
    "z instead of |z|": "z is negative: its rounding has a size, not a sign.",
    "the mean of |z| left out": "p = e / s, and s has the errors of all the e in it.",
    "the mean of |z| without weights": "In the sum each e counts by its share, and that is p.",
    "|log p| left out": "log p is rounded before exp sees it.",
    "log p instead of |log p|": "log p is negative: its rounding has a size, not a sign.",
    "n left out": "Added token by token, a row is rounded n times.",
    "N instead of n": "A row is added to as often as its own character occurs.",
    "32 left out": "exp, log, the sum, the quotient and the difference round too.",
    "the last term left out": "Below the smallest normal number roundings are absolute, not relative.",
}


def judge(cases: Sequence[Case], bounds: Sequence[Array], errors: Errors) -> tuple[str, list[str]]:
    """The verdict on ``bounds``, one for each of ``cases``, and the lines to be said before it."""
    counts = [count_pairs(case.idx, case.targets, len(case.W)) for case in cases]
    derived = [
        gradient_bound(case.W, C, exp_of_log=True, per_token=True)
        for case, C in zip(cases, counts, strict=True)
    ]
    lines = list(consequences(bounds, errors))
    if alike(bounds, derived):
        return "correct: it is the bound of the derivation", lines
    written = [terms(case.W, C)[1] for case, C in zip(cases, counts, strict=True)]
    for name, why in WHY.items():
        if alike(bounds, [each[name].bound() for each in written]):
            return f"wrong: {name}", [*lines, f"mistake   {name}", f"          {why}"]
    for case, ours, theirs in zip(cases, derived, bounds, strict=True):
        row = compare_tensor("bound", theirs, ours, 1e-6 * ours)
        if row.fraction_of_bound > 1 and row.where:
            at = f"on the case '{case.name}', {case.W.dtype}, at {row.where}"
            lines += [
                f"first     {at}",
                f"          yours {theirs[row.where]:.4g}, derived {ours[row.where]:.4g}",
            ]
            break
    return "wrong: it is not the bound of the derivation", lines


def alike(bounds: Sequence[Array], others: Sequence[Array]) -> bool:
    """Equal but for roundings."""
    return all(np.allclose(one, two, rtol=1e-6, atol=0) for one, two in zip(bounds, others, strict=True))


def errors_of(cases: Sequence[Case]) -> Errors:
    """How far each correct form, and each mistake of the catalogue, is from the truth."""
    truths, _ = truths_and_bounds(cases)

    def errors(function: Any) -> list[Array]:
        with np.errstate(all="ignore"):
            outputs = [function(case.W, case.idx, case.targets)[1] for case in cases]
        return [differences(output, truth["dW"]) for output, truth in zip(outputs, truths, strict=True)]

    single = {"float32 where float64 was asked", "one entry off by 1e-9"}  # no mistakes in single precision
    wrong = [mistake for mistake in gradients.GRADIENTS if mistake.name not in single]
    return Errors(
        {name: errors(form.loss_and_gradient) for name, form in FORMS.items()},
        {mistake.name: errors(gradients.build([mistake])) for mistake in wrong},
    )


def consequences(bounds: Sequence[Array], errors: Errors) -> Iterator[str]:
    """How much of the bounds correct gradients use, and which mistakes they let pass."""

    def used(errors: list[Array]) -> float:
        return max(float(fractions(error, bound).max()) for error, bound in zip(errors, bounds, strict=True))

    most, form = max((used(each), name) for name, each in errors.correct.items())
    verdict = f"up to {most:.2g} of it" if most <= 1 else f"{most:.2g} times it: correct code would fail"
    yield f"correct   gradients use {verdict} ({form})"
    passed = [name for name, each in errors.wrong.items() if used(each) <= 1]
    yield f"mistakes  let pass: {', '.join(passed) or 'none'}, of {len(errors.wrong)}"


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1:
        print("usage: python docs/exercises/check_bound.py PATH.py:FUNCTION", file=sys.stderr)
        return 2
    cases = bound_cases()
    calls = [BoundCall(case.W, count_pairs(case.idx, case.targets, len(case.W))) for case in cases]
    try:
        bounds, complaint = collect(run_apart(arguments[0], calls, 10.0), [case.name for case in cases])
    except UserError as error:
        print(f"check_bound: {error}", file=sys.stderr)
        return 2
    print(f"subject   {arguments[0]}")
    if complaint:
        print(f"stopped   {complaint}\n\nwrong: it gave no answer that could be judged")
        return 1
    verdict, lines = judge(cases, bounds, errors_of(cases))
    print("\n".join(lines), verdict, sep="\n\n")
    return 0 if verdict.startswith("correct") else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
