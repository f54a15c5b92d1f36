"""The doctor: is this gradient right, and if not, which mistake is in it?

The reader's ``(W, idx, targets) -> (loss, dW)`` runs on cases built to tell mistakes apart, and every
number it returns is held against 50-digit arithmetic within the bound of ``bounds.py``. If one is over
its bound, the mistakes of the catalogue are made on the same cases, alone and two at a time: the diagnosis
is not guessed from one number but is the entry whose output agrees with the reader's on every case.
``optimizer.py`` does the same for optimizers.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bigram.bounds import gradient_bound, unit_roundoff
from bigram.comparator import Row, compare_tensor, differences, fractions
from bigram.doctor.mistakes import gradients
from bigram.doctor.mistakes.gradients import Mistake
from bigram.doctor.subject import Complaint, GradientCall, run_apart
from bigram.doctor.witnesses import WITNESSES, decimal_truth
from common.arrays import Array
from common.pairs import count_pairs

Outputs = list[dict[str, Array]]  # of each case, by name: loss, dW; or W after every step
Maker = Callable[[Iterable[Mistake]], Iterator[dict[str, Array]]]


REPEATED = "the same batch again"


@dataclass(frozen=True, eq=False)
class Case:
    """Arguments that make some mistake visible, and what is known of the right answer, worked out once."""

    name: str
    W: Array
    idx: NDArray[np.integer]
    targets: NDArray[np.integer]

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """C, (V, V)."""
        return count_pairs(self.idx, self.targets, len(self.W))

    @cached_property
    def truth(self) -> dict[str, Array]:
        """``loss`` and ``dW`` to 50 digits, rounded once."""
        loss, dW = decimal_truth(self.W, self.idx, self.targets)
        return {"loss": np.asarray(loss), "dW": dW}

    @cached_property
    def bound(self) -> dict[str, Array]:
        """How far a correct ``loss`` and ``dW`` may lie from the truth."""
        room = loss_room(self, float(self.truth["loss"]))
        dW = gradient_bound(self.W, self.counts, exp_of_log=True, per_token=True)
        return {"loss": np.asarray(room), "dW": dW}

    @cached_property
    def testimonies(self) -> dict[str, tuple[float, Array, Array]]:
        """Of each witness that can speak here: its loss, its dW, and the bound on the error of that dW."""
        return {
            witness.name: (
                *witness.gradient(self.W, self.idx, self.targets),
                witness.bound(self.W, self.counts),
            )
            for witness in WITNESSES
            if not witness.why_not(self.W, self.counts)
        }


def gradient_cases(dtype: str) -> list[Case]:
    """Small, and between them: repeated ids, characters never visited, B, T and V all different, T = V and
    B = V, one token and 320, saturated logits, a table of zeros, strided and Fortran-ordered arrays, ids in
    int32, the same arguments twice, and other ones of the same shapes."""
    rng = np.random.default_rng(20)

    def case(name: str, V: int, B: int, T: int, scale: float = 2.0, some: int | None = None) -> Case:
        W = rng.normal(scale=scale, size=(V, V)).astype(dtype)
        characters = rng.permutation(V)[: some or V]
        return Case(name, W, rng.choice(characters, (B, T)), rng.integers(V, size=(B, T)))

    plain = case("B, T and V different, some characters never visited", V=9, B=3, T=5, some=5)
    large = case("larger than all others, in Fortran order", V=33, B=16, T=20)
    wide = case("strided arrays", V=12, B=6, T=14)
    saturated = case("saturated logits", V=5, B=4, T=3, scale=300.0)
    saturated.W[saturated.idx[0, -1], 0] = 1000.0  # exp overflows from 709 on
    repeats = case("inputs and targets the same", V=7, B=4, T=3)
    small = case("ids in int32", V=7, B=2, T=6)
    return [
        plain,
        replace(plain, name=REPEATED),
        replace(plain, name="another table of the same shape", W=plain.W[::-1].copy()),
        replace(plain, name="another batch of the same shape", idx=plain.targets, targets=plain.idx),
        case("few characters, repeated often", V=6, B=4, T=7, some=2),
        case("one character only, B = V", V=6, B=6, T=4, some=1),
        case("T = V", V=6, B=4, T=6),
        case("one window", V=5, B=1, T=8),
        case("windows of one token", V=4, B=7, T=1),
        case("one token", V=4, B=1, T=1),
        case("two characters", V=2, B=3, T=4),
        case("a single character to choose from", V=1, B=2, T=3),
        case("a table of zeros", V=8, B=2, T=5, scale=0.0),
        case("a wide range of probabilities", V=10, B=5, T=4, scale=8.0),
        saturated,
        replace(large, W=np.asfortranarray(large.W)),
        replace(repeats, targets=repeats.idx.copy()),
        Case(wide.name, wide.W[::2, ::2], wide.idx[::2, ::2] // 2, wide.targets[::2, ::2] // 2),
        replace(small, idx=small.idx.astype(np.int32)),
    ]


class Report(NamedTuple):
    """What the doctor found."""

    subject: str
    complaint: str | None  # what happened on the last case, if it gave no number to judge
    rows: list[tuple[str, Row]]  # case, and how one of its outputs compares with the truth
    witnesses: list[Row]  # the same outputs against each witness, the worst over all cases
    diagnosis: list[Mistake]
    pattern: list[str]  # where no entry of the catalogue fits: what the error looks like
    not_tried: list[str]  # runs that an optimizer could not be given, and why

    @property
    def verdict(self) -> str:
        """ "correct" or "wrong"."""
        return "correct" if not self.complaint and self.worst[1].fraction_of_bound <= 1 else "wrong"

    @property
    def worst(self) -> tuple[str, Row]:
        """The case and output nearest to its bound, or furthest over it."""
        return max(self.rows, key=lambda row: row[1].fraction_of_bound)

    def record(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        case, row = self.worst if self.rows else (None, None)
        return {
            "subject": self.subject,
            "verdict": self.verdict,
            "worst": {
                "case": case,
                "of": row and row.name,
                "fraction_of_bound": row and row.fraction_of_bound,
                "max_abs": row and row.max_abs,
                "where": row and row.where,
            },
            "witnesses": [
                {
                    "name": row.name,
                    "exact": row.exact,
                    "fraction_of_bound": row.fraction_of_bound,
                    "max_abs": row.max_abs,
                    "where": row.where,
                }
                for row in self.witnesses
            ],
            "diagnosis": [{"mistake": m.name, "why": m.why, "mend": m.mend} for m in self.diagnosis],
            "complaint": self.complaint,
            "pattern": self.pattern,
            "not_tried": self.not_tried,
        }


def truths_and_bounds(cases: Sequence[Case]) -> tuple[Outputs, Outputs]:
    """For each case the true ``loss`` and ``dW``, and how far a correct one may lie from them."""
    return [case.truth for case in cases], [case.bound for case in cases]


def check_gradient(
    subject: str, wanted: tuple[str, ...] = ("loss", "dW"), dtype: str = "float64", limit: float = 10.0
) -> Report:
    """Judges the function that ``subject`` names (see ``subject.py``), in W's ``dtype``, with ``limit``
    seconds for each case. Raises ``UserError`` if there is no such function."""
    cases = gradient_cases(dtype)
    calls = [GradientCall(case.W, case.idx, case.targets, wanted) for case in cases]
    outputs, complaint = collect(run_apart(subject, calls, limit), [case.name for case in cases])
    return judge_gradient(subject, cases, outputs, wanted, complaint)


def collect(answers: Iterable[Any], names: Sequence[str]) -> tuple[list[Any], str | None]:
    """The outputs up to the first complaint, and that complaint with its case."""
    outputs: list[Any] = []
    for name, answer in zip(names, answers, strict=False):
        if isinstance(answer, Complaint):
            return outputs, f"on the case '{name}' {answer.what}"
        outputs.append(answer)
    return outputs, None


def judge_gradient(
    subject: str,
    cases: list[Case],
    outputs: Outputs,
    wanted: tuple[str, ...] = ("loss", "dW"),
    complaint: str | None = None,
) -> Report:
    """Holds the outputs of the first so many cases against the truth and every witness."""
    truths, bounds = truths_and_bounds(cases)
    rows = [
        (case.name, compare_tensor(name, output[name], truth[name], bound[name]))
        for case, output, truth, bound in zip(cases, outputs, truths, bounds, strict=False)
        for name in wanted
    ]
    diagnosis: list[Mistake] = []
    pattern: list[str] = []
    for name in wanted:
        if complaint is None and any(row.name == name and row.fraction_of_bound > 1 for _, row in rows):
            catalogue = gradients.LOSSES if name == "loss" else gradients.GRADIENTS
            u = unit_roundoff(cases[0].W.dtype)
            maker, in_float32 = gradient_maker(cases), catalogue[-1]
            found = diagnose(name, catalogue, maker, outputs, truths, bounds, u, in_float32)
            diagnosis += found
            if not found:
                pattern += describe(name, cases, outputs, truths, bounds)
    return Report(subject, complaint, rows, against_witnesses(cases, outputs), diagnosis, pattern, [])


def gradient_maker(cases: list[Case]) -> Maker:
    """A function from mistakes to what they make of the cases, one after the other."""

    def make(chosen: Iterable[Mistake]) -> Iterator[dict[str, Array]]:
        function = gradients.build(chosen)
        for case in cases:
            with np.errstate(all="ignore"):
                loss, dW = function(case.W, case.idx, case.targets)
            yield {"loss": np.asarray(loss), "dW": dW.copy()}

    return make


def diagnose(
    name: str,
    catalogue: Sequence[Mistake],
    make: Maker,
    outputs: Outputs,
    truths: Outputs,
    bounds: Outputs,
    u: float,  # unit roundoff of the outputs
    in_float32: Mistake | None = None,  # to be named where single precision explains what is left
) -> list[Mistake]:
    """The mistake whose output agrees with ``outputs`` on every case; if there is none, the two that do
    when made together; if none do, nothing. Where several agree, the nearest.

    Two people make the same mistake with other roundings, so agreement has room: the bound, enlarged as the
    mistake enlarges the result, and some roundings of its largest entry. That is far less than separates
    any two entries of the catalogue in float64. If nothing fits, all is tried once more with single
    precision's roundings, beginning with no mistake but those.
    """
    pairs = [pair for pair in itertools.combinations(catalogue, 2) if pair[0].stage != pair[1].stage]
    rounds: list[tuple[float, Sequence[tuple[Mistake, ...]]]] = [(1.0, list(zip(catalogue))), (1.0, pairs)]
    wrong = [
        bool((differences(output[name], truth[name]) > bound[name]).any())
        for output, truth, bound in zip(outputs, truths, bounds, strict=True)
    ]
    # Single precision shows on nearly every case; what is wrong on a few is something else.
    if in_float32 and u < unit_roundoff(np.float32) and 2 * sum(wrong) > len(wrong):
        rest = [(mistake,) for mistake in catalogue if mistake is not in_float32]
        rounds += [(unit_roundoff(np.float32) / u, [(), *rest])]

    def distance(chosen: tuple[Mistake, ...], coarser: float) -> float:
        """The largest difference on any case in units of its room; infinite where it is no agreement."""
        apart, is_mistake = 0.0, not chosen
        for output, truth, bound, made in zip(outputs, truths, bounds, make(chosen), strict=True):
            largest = np.nan_to_num(abs(made[name]).max(), posinf=0)
            size = max(1.0, largest / (abs(truth[name]).max() or 1))
            slack = 1000 if u < unit_roundoff(np.float32) else 8
            room = coarser * (slack * size * (bound[name] + bound[name].max() * 1e-3) + 16 * u * largest)
            apart = max(apart, float(fractions(unlike(made[name], output[name]), room).max()))
            if apart > 1:
                return math.inf
            # In float32, "float32 where float64 was asked" is none.
            beyond = room if coarser > 1 else bound[name]
            is_mistake |= bool((differences(made[name], truth[name]) > beyond).any())
        return apart if is_mistake else math.inf

    for coarser, candidates in rounds:
        apart = [distance(chosen, coarser) for chosen in candidates]
        nearest = min(range(len(apart)), key=apart.__getitem__, default=None)
        if nearest is not None and apart[nearest] <= 1:
            also = [in_float32] if in_float32 and coarser > 1 else []
            return [*candidates[nearest], *also]
    return []


def unlike(made: Array, output: Array) -> Array:
    """The difference of two outputs. Where both hold what is no number, they are alike in that: how far it
    spreads depends on how sums are taken."""
    lost = ~np.isfinite(made) | ~np.isfinite(output)
    both = not np.isfinite(made).all() and not np.isfinite(output).all()
    return np.where(lost & both, 0, differences(made, output))


def against_witnesses(cases: list[Case], outputs: Outputs) -> list[Row]:
    """The worst of dW, or of the loss where there is no dW, against each witness, over the cases that
    it can speak on; a witness that can speak on one at most is left out."""
    rows = []
    for witness in WITNESSES:
        compared = []
        for case, output in zip(cases, outputs, strict=False):
            if witness.name not in case.testimonies:
                continue
            loss, dW, error = case.testimonies[witness.name]
            if "dW" in output:
                bound = case.bound["dW"] + error
                compared.append(compare_tensor(witness.name, output["dW"], dW, bound))
            else:
                room = 2 * loss_room(case, loss)
                compared.append(compare_tensor(witness.name, output["loss"], np.asarray(loss), room))
        if len(compared) > 1:
            worst = max(compared, key=lambda row: row.fraction_of_bound)
            exact = all(row.exact for row in compared)
            rows.append(worst._replace(exact=exact, max_abs=max(row.max_abs for row in compared)))
    return rows


def describe(name: str, cases: list[Case], outputs: Outputs, truths: Outputs, bounds: Outputs) -> list[str]:
    """What an unknown error looks like: on which cases, in which rows, of which sign and scale."""
    wrong = [
        compare_tensor(name, output[name], truth[name], bound[name]).fraction_of_bound > 1
        for output, truth, bound in zip(outputs, truths, bounds, strict=True)
    ]
    lines = [f"{name} is wrong on {sum(wrong)} of {len(cases)} cases"]
    if right := [case.name for case, is_wrong in zip(cases, wrong, strict=True) if not is_wrong]:
        lines.append(f"{name} is right on: {'; '.join(right)}")
    at = wrong.index(True)
    case, output, truth = cases[at], outputs[at][name], truths[at][name]
    off = differences(output, truth) > bounds[at][name]
    lead = f"on the case '{case.name}'"
    if name == "dW":
        n = np.bincount(case.idx.ravel(), minlength=len(case.W))
        groups = {"never visited": n == 0, "visited once": n == 1, "visited more than once": n > 1}
        hit = [label for label, rows in groups.items() if off[rows].any()]
        lines.append(f"{lead} {int(off.sum())} of {off.size} entries are wrong, in rows {', '.join(hit)}")
    if [case.name for case, is_wrong in zip(cases, wrong, strict=True) if is_wrong] == [REPEATED]:
        lines.append("only the second call with the same arguments is wrong: something outlives the first")
    if not np.isfinite(output).all():
        return [*lines, f"{lead} {int((~np.isfinite(output)).sum())} values are not finite"]
    large = off & (abs(truth) > 1e-3 * abs(truth).max())
    ratio = np.divide(output, truth, where=large, out=np.zeros(truth.shape))[large]
    if ratio.size and np.ptp(ratio) <= 1e-6 * abs(ratio).max() and abs(ratio - 1).max() > 1e-6:
        lines.append(f"{lead} every wrong {name} is {ratio.flat[0]:.6g} times the right one")
    elif ratio.size:
        low, high = ratio.min() - 1, ratio.max() - 1
        lines.append(f"{lead} the error is between {low:.2g} and {high:.2g} of the right value")
    error = (output - truth)[off]
    sign = "too large" if (error > 0).all() else "too small" if (error < 0).all() else "of both signs"
    lines.append(f"{lead} the errors are {'' if sign == 'of both signs' else 'all '}{sign}")
    return lines


def loss_room(case: Case, loss: float) -> float:
    """How far a correct loss may be from the truth, however it is summed: 8 u for the logarithm, and one
    rounding for each token; relative, but absolute below 1 nat."""
    return (8 + case.idx.size) * unit_roundoff(case.W.dtype) * max(1.0, abs(loss))
