"""The doctor: is this gradient right, and if not, which mistake is in it?

The reader's ``(W, idx, targets) -> (loss, dW)`` runs on cases built to tell mistakes apart, and
every number it returns is held against 50-digit arithmetic within the bound of ``bounds.py``. If
one is over its bound, the mistakes of the catalogue are made on the same cases: the diagnosis is
not guessed from one number, it agrees with the reader's output on every case. ``optimizer.py`` does
the same for optimizers.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bigram.bounds import unit_roundoff
from bigram.comparator import Row, compare_tensor, differences
from bigram.doctor import traces
from bigram.doctor.cases import BACK, FORWARD, STEP, Case, Outputs, direction, loss_room
from bigram.doctor.describe import changing, describe_gradient, smallest
from bigram.doctor.diagnosis import Chosen, Fit, Observed, Search, atoms_of, compatible, said
from bigram.doctor.mistakes import gradients
from bigram.doctor.mistakes.gradients import FACTORS, RATIOS, off_by_a_factor
from bigram.doctor.mistakes.stages import Mistake, Program, Tape, right_tape
from bigram.doctor.verdict import Report, case_of, worst_of
from bigram.doctor.witnesses import WITNESSES
from common.arrays import Array

BOTH = ("loss", "dW")
AFFORDABLE = 4_000_000  # numbers in one complex step: 0.1 s
LOST_DIGITS = 1e6  # bounds: six digits of sixteen, on cases with extreme logits


def judge_gradient(
    subject: str,
    cases: list[Case],
    outputs: Outputs,
    wanted: tuple[str, ...] = BOTH,
    complaint: str | None = None,
) -> Report:
    """Holds the outputs of the first so many cases against the truth and every witness, and looks
    for the mistakes that make just these outputs."""
    cases = cases[: len(outputs)]
    rows = [
        (case.name, compare_tensor(name, output[name], case.truth[name], case.bound[name]))
        for case, output in zip(cases, outputs, strict=True)
        for name in wanted
    ]
    extreme = frozenset(case.name for case in cases if case.extreme)
    witnesses = against_witnesses(cases, outputs)
    report = Report(subject, complaint, rows, witnesses, extreme=extreme)
    if not report.wrong:
        return report
    diagnosis = Diagnosis(cases, outputs, wanted)
    diagnosis.run()
    at = smallest(cases, rows)
    shown = cases[at]
    arguments = {"W": shown.W, "idx": shown.idx, "targets": shown.targets}
    return replace(
        report,
        diagnosis=diagnosis.mistakes,
        pattern=diagnosis.pattern,
        notes=diagnosis.notes,
        unstable=diagnosis.unstable,
        case=case_of(
            arguments, dict(outputs[at].items()), {name: shown.truth[name] for name in wanted}
        ),
    )


def gradient_maker(
    cases: Sequence[Case],
) -> Callable[[Iterable[Mistake]], Iterator[dict[str, Array]]]:
    """A function from mistakes to their results on the cases, one after the other."""

    def make(chosen: Iterable[Mistake]) -> Iterator[dict[str, Array]]:
        function = gradients.build(chosen)
        for case in cases:
            with np.errstate(all="ignore"):
                loss, dW = function(case.W, case.idx, case.targets)
            yield {"loss": np.asarray(loss), "dW": dW.copy()}

    return make


class Making:
    """The results of mistakes on each case. The right results are at hand, so that only stages from
    the first wrong one on are run; programs that remember are run through all calls in order."""

    def __init__(self, cases: Sequence[Case], side: str, outputs: Outputs) -> None:
        self.cases, self.side = cases, side
        self.outputs = [np.asarray(output[side]) for output in outputs]
        self.tapes: dict[int, Tape] = {}
        self.running: tuple[Chosen, list[Array]] | None = None
        self.program: Program | None = None

    def __call__(self, chosen: Chosen, i: int) -> Array:
        if not any(m.remembers for m in chosen):
            return self.result(Program(chosen), i)
        if self.running is None or self.running[0] is not chosen:
            self.running, self.program = (chosen, []), Program(chosen)
        assert self.program is not None
        results = self.running[1]
        while len(results) <= i:
            results.append(self.result(self.program, len(results)))
        return results[i]

    def result(self, program: Program, i: int) -> Array:
        """One call."""
        case = self.cases[i]
        if i not in self.tapes:
            with np.errstate(all="ignore"):
                self.tapes[i] = right_tape(case.W, case.idx, case.targets)
        if program.derived and self.side == "dW":
            V, N = len(case.W), case.idx.size
            if V * N * V * (V * V if program.coupled else V) > AFFORDABLE:
                return self.outputs[i]  # taken as equal: the small cases decide
        run = program.loss if self.side == "loss" else program.gradient
        return np.asarray(run(case.W, case.idx, case.targets, self.tapes[i]))


class Diagnosis:
    """The mistakes in the loss and in dW, each found by itself, and then seen together."""

    def __init__(self, cases: Sequence[Case], outputs: Outputs, wanted: tuple[str, ...]) -> None:
        self.cases, self.outputs, self.wanted = cases, outputs, wanted
        self.u = unit_roundoff(cases[0].W.dtype)
        self.finite = {
            name: [i for i, output in enumerate(outputs) if np.isfinite(output[name]).all()]
            for name in wanted
        }
        self.mistakes: list[Mistake] = []
        self.pattern: list[str] = []
        self.notes: list[str] = []
        self.unstable: list[str] = []

    # --- tools ------------------------------------------------------------------------------------

    def observed(self, name: str) -> Observed:
        return Observed(
            [np.asarray(output[name]) for output in self.outputs],
            [np.asarray(case.truth[name]) for case in self.cases],
            [np.asarray(case.bound[name]) for case in self.cases],
            self.u,
        )

    def search(self, name: str, usable: Sequence[int]) -> Search:
        making = Making(self.cases, name, self.outputs)
        return Search(
            self.observed(name),
            making,
            usable,
            cost=lambda i: (
                self.cases[i].idx.size * len(self.cases[i].W) + len(self.cases[i].W) ** 2
            ),
            ratio_names=lambda left: [ratio_entry(left, name)],
            ratios=[
                {word: gradients.ratio_of(word, c.idx, len(c.W)) for word in RATIOS}
                for c in self.cases
            ],
        )

    # --- the order of the questions ---------------------------------------------------------------

    def run(self) -> None:
        """Fills in the findings."""
        fits: dict[str, list[Fit]] = {}
        searches = self.searches(self.wanted, self.finite)
        self.find(searches, fits)
        left = [name for name in searches if not fits[name]]
        ordinary = {
            name: [i for i in self.finite[name] if not self.cases[i].extreme] for name in left
        }
        if any(ordinary[name] != self.finite[name] for name in left):
            again = self.searches(left, ordinary)
            self.find(again, fits)
            self.notes += [
                f"{name} is wrong in another way besides where logits are extreme"
                for name in again
                if fits[name]
            ]
        self.name(fits)
        unknown = [name for name in searches if not fits[name]]
        for name in unknown:
            self.pattern += describe_gradient(name, self.cases, self.outputs, self.finite[name])
        self.derivative(unknown)

    def searches(
        self, names: Iterable[str], usable: Mapping[str, Sequence[int]]
    ) -> dict[str, Search]:
        """One for each output that is wrong on a case that is usable."""
        made = {name: self.search(name, usable[name]) for name in names}
        return {name: search for name, search in made.items() if search.failing}

    def find(self, searches: dict[str, Search], fits: dict[str, list[Fit]]) -> None:
        """Explains each output: by one mistake, by that of the other output, by a trace, by two."""
        for name, search in searches.items():  # the cheap questions first
            fits[name] = search.singles([(), *atoms_of(catalogue(name), derive=name == "dW")])
        self.together(searches, fits)
        for name, search in searches.items():
            if fits[name]:
                continue
            if trace := self.trace(name, search.usable):
                fits[name] = [Fit((trace,), 0.0)]
                continue
            if changing(name, self.cases, self.outputs):  # which few pairs of mistakes explain
                continue
            fits[name] = search.pairs(atoms_of(catalogue(name), derive=name == "dW", factors=True))
            self.together(searches, fits)

    def together(self, searches: dict[str, Search], fits: dict[str, list[Fit]]) -> None:
        """Tries the explanation of one output on the other, alone and with one or two more
        mistakes."""
        if len(searches) < 2:
            return
        for known, other in (("loss", "dW"), ("dW", "loss")):
            if not fits.get(known):
                continue
            search, found = searches[other], []
            if fits.get(other):  # has it the same cause?
                ways = [way for f in fits[known][:3] for way in elsewhere(f.mistakes, other)]
                if not any(shared(f, g) for f in fits[known] for g in fits[other]):
                    fits[other] += filter(None, map(search.one, ways))
                continue
            more = atoms_of(catalogue(other))
            by_hand = [
                atom
                for atom in more
                if not atom[0].amounts and not {"token_loss", "total"} & {*atom[0].code}
            ]
            for fit in fits[known][:3]:
                bases = elsewhere(fit.mistakes, other)
                found += [one for base in bases if (one := search.one(base))]
                if found:
                    break
                for base in bases:
                    found = found or search.singles(more, base)
                for base in bases:
                    found = found or search.pairs(by_hand, base)
            fits[other] = found

    def trace(self, name: str, usable: Sequence[int]) -> Mistake | None:
        """Mistakes that are known by their traces."""
        seen = self.cases, self.outputs, usable
        found = traces.low_precision(name, *seen) or traces.denominator(name, *seen)
        if name == "loss":
            return found
        return (
            found
            or traces.numerical_gradient(*seen)
            or traces.noise(*seen)
            or traces.one_cell(*seen)
            or traces.small_entries(*seen)
            or traces.token_weights(*seen)
        )

    def name(self, fits: dict[str, list[Fit]]) -> None:
        """One cause, one finding: a mistake in both loss and dW is named once."""

        def causes(pair: tuple[Fit | None, ...]) -> tuple[int, int, bool]:
            mistakes = [m for fit in pair if fit for m in fit.mistakes]
            both = len(shared(*pair))
            # A penalty that both have is a sum of squares, not a multiple of W.
            squares = both > 0 and any(m.chosen[1:] == ("",) for m in mistakes)
            return len(mistakes) - both, -both, squares

        ways: list[list[Fit | None]] = [[*fits.get(side, [])] or [None] for side in ("loss", "dW")]
        f, g = min(itertools.product(*ways), key=causes)
        found = {"loss": f.mistakes if f else (), "dW": g.mistakes if g else ()}
        common = shared(f, g)
        rest = [m for m in found["loss"] if m.entry not in common]
        self.mistakes = said([*found["dW"], *rest])
        if common and not rest and len(common) == len(found["dW"]):
            by_hand = [
                m.entry for m in found["dW"] if not m.derived and {"scores", "softmax"} & {*m.code}
            ]
            self.notes.append(
                f"dW is p - onehot all the same: the derivative of '{by_hand[0]}' is missing"
                if by_hand
                else "dW is the derivative of the loss returned: the mistake is in the loss"
            )
        names = {m.entry for m in self.mistakes}
        if {"float32 where float64 was asked", "loss in float32 where float64 was asked"} <= names:
            self.mistakes = [m for m in self.mistakes if not m.entry.startswith("loss in float32")]
        self.mistakes += [m for m in self.instabilities(found) if m.entry not in names]
        for side, chosen in found.items():
            self.alternatives(fits.get(side, []), chosen, names)

    def alternatives(self, fits: list[Fit], chosen: Chosen, names: set[str]) -> None:
        """Two names that fit equally are both given."""
        if any(m.amounts for m in chosen):
            return
        for other in (fit.mistakes for fit in fits):
            if len(other) == len(chosen) and not {m.entry for m in other} & names:
                name = " and ".join(m.name for m in said(other))
                self.notes.append(f"or: {name}. {deciding_case(chosen, other)}")
                return

    # --- where no number comes out ----------------------------------------------------------------

    def instabilities(self, bases: dict[str, Chosen]) -> list[Mistake]:
        """Which way of taking softmax and logarithm, together with the findings, is lost on just
        the extreme cases that gave no number."""
        extreme = [i for i, case in enumerate(self.cases) if case.extreme]
        found: dict[str, Chosen] = {}
        lacking = False
        for name in self.wanted:
            making = Making(self.cases, name, self.outputs)
            lost = [i for i in range(len(self.cases)) if i not in self.finite[name]]
            base = tuple(m for m in bases[name] if m.code and not m.ratio)
            if not lost or (base and self.lost(making, base) == lost):
                continue  # it is part of a finding
            unstable = [m for m in catalogue(name) if m.unstable]
            stages = "softmax", "token_loss" if name == "loss" else "dlogits"
            tops, ends = (
                [(), *((m,) for m in unstable if {*m.code} == {stage})] for stage in stages
            )
            for some in sorted(((*a, *b) for a in tops for b in ends if a or b), key=len):
                if (
                    compatible(base, some)
                    and self.lost(making, (*base, *some)) == lost
                    and all(self.agrees(making, name, (*base, *some), i) for i in extreme)
                ):
                    found[name] = some
                    break
            what = f"{name} is {nature(self.outputs, lost, name)}"
            if name in found:
                where = "; ".join(CAUSES[m.entry].format(*self.thresholds()) for m in found[name])
                self.unstable.append(f"{what} {where}, as on {listed(self.cases, lost)}")
            else:
                self.pattern.append(f"{what} on {listed(self.cases, lost)}")
                lacking = True
        if lacking:  # a way that explains the one output and not the other explains neither
            self.pattern += self.unstable
            self.unstable = []
            return []
        loss, dW = found.get("loss", ()), found.get("dW", ())
        named = [*dW, *(m for m in loss if m.entry not in {n.entry for n in dW})]
        if "logarithm of an underflowed probability" in {m.entry for m in loss}:
            # A log taken of p has 1 / p in its derivative.
            named = [m for m in named if m.entry != "quotient by an underflowed probability"]
        return named

    def lost(self, making: Making, way: Chosen) -> list[int]:
        """The extreme cases on which no number comes out."""
        return [
            i for i, case in enumerate(self.cases) if case.extreme and not numbers(making, way, i)
        ]

    def agrees(self, making: Making, name: str, way: Chosen, i: int) -> bool:
        """Whether that way makes the output of case ``i``: where it is a number, the same but for
        digits that a chain through a tiny probability may lose; where it is none, the output is
        none in the same entries or more."""
        output, made = np.asarray(self.outputs[i][name]), making(way, i)
        if made.shape != output.shape:
            return False
        if not np.isfinite(made).all():
            # Of a row that is lost, no entry is made lost that is a number.
            rows = ~np.isfinite(output).all(axis=-1, keepdims=True)
            return not (rows & ~np.isfinite(made) & np.isfinite(output)).any()
        truth, bound = self.cases[i].truth[name], self.cases[i].bound[name]
        size = max(1.0, float(abs(made).max()) / (float(abs(truth).max()) or 1.0))
        return bool((differences(output, made) <= LOST_DIGITS * size * bound.max()).all())

    def thresholds(self) -> tuple[int, int]:
        """Beyond which exp overflows, and below which it is zero, in W's dtype."""
        kind = np.finfo(self.cases[0].W.dtype)
        return int(np.log(float(kind.max))), int(-np.log(float(kind.smallest_subnormal)))

    # --- is dW the derivative of this loss? -------------------------------------------------------

    def derivative(self, unknown: list[str]) -> None:
        """Where the loss is unknown: do two losses a small step apart differ as dW says?"""
        at = {case.name: i for i, case in enumerate(self.cases)}
        if "loss" not in unknown or "dW" not in self.wanted or not {FORWARD, BACK} <= at.keys():
            return
        if self.u > 2**-50 or any(at[name] not in self.finite["loss"] for name in (FORWARD, BACK)):
            return
        up, down = (float(self.outputs[at[name]]["loss"]) for name in (FORWARD, BACK))
        slope = (up - down) / (2 * STEP)
        dW = self.outputs[0]["dW"]
        predicted = float((dW * direction(len(dW))).sum())
        # Truncation is below step**2 times the third derivative, rounding is u / step of the loss.
        room = (STEP**2 + 8 * self.u / STEP) * max(1.0, abs(up), abs(slope)) * len(dW)
        if abs(slope - predicted) <= room:
            self.notes.append(
                "dW is the derivative of the loss returned: the mistake is in the loss"
            )
        else:
            self.notes.append(
                "dW is not the derivative of the loss returned: along one direction the loss "
                f"grows by {slope:.6g}, and dW says {predicted:.6g}"
            )


UNDERFLOWS = "where a target's probability underflows, from a gap of about {1} on"
CAUSES = {
    "maximum not subtracted": (
        "where exp overflows or a whole row underflows, from a logit of about {0} on"
    ),
    "maximum of the whole array subtracted": "where rows lie further apart than about {1}",
    "maximum never below zero": "where a whole row lies below about -{1}",
    "logarithm of an underflowed probability": UNDERFLOWS,
    "quotient by an underflowed probability": UNDERFLOWS,
}


def numbers(making: Making, chosen: Chosen, i: int) -> bool:
    """Whether numbers come out on that case."""
    try:
        with np.errstate(all="ignore"):
            return bool(np.isfinite(making(chosen, i)).all())
    except (IndexError, ValueError):
        return False


def nature(outputs: Outputs, some: Sequence[int], name: str) -> str:
    """Infinite, or not a number."""
    values = np.concatenate([np.ravel(outputs[i][name]) for i in some])
    return "NaN" if np.isnan(values).any() else "infinite"


def listed(cases: Sequence[Case], some: Sequence[int]) -> str:
    """The names of some cases, two at most."""
    names = [f"'{cases[i].name}'" for i in some[:2]]
    more = f" and {len(some) - 2} more" if len(some) > 2 else ""
    return ", ".join(names) + more


def catalogue(name: str) -> list[Mistake]:
    """The entries that an output can have."""
    return gradients.LOSSES if name == "loss" else gradients.GRADIENTS


def elsewhere(mistakes: Chosen, side: str) -> list[Chosen]:
    """The same mistakes in the other output: by hand, and as the derivative."""
    by_entry = {m.entry: m for m in catalogue(side)}
    # Their numbers are known.
    same = [
        replace(by_entry[m.entry], chosen=m.chosen, amounts=None)
        for m in mistakes
        if m.entry in by_entry
    ]
    factors = [m for m in same if m.ratio][:1]
    same = [m for m in same if not m.ratio]
    ways = [same, [replace(m, derived=True) for m in same if side == "dW"]]
    ways += [[*same, *factors]] if factors else []
    return [tuple(way) for way in ways if way]


def shared(f: Fit | None, g: Fit | None) -> set[str]:
    """The entries that both have, with the same numbers."""
    if f is None or g is None:
        return set()
    return {
        m.entry
        for m in f.mistakes
        for n in g.mistakes
        if m.entry == n.entry and (m.ratio == n.ratio) and alike(m.chosen, n.chosen)
    }


def alike(a: tuple[Any, ...], b: tuple[Any, ...]) -> bool:
    """Equal words, and numbers that are equal to some digits."""
    return len(a) == len(b) and all(
        x == y or (not isinstance(x, str | tuple) and abs(x - y) <= 1e-3 * abs(y))
        for x, y in zip(a, b, strict=True)
    )


def ratio_entry(left: dict[str, float], side: str) -> Mistake:
    """The entry for the ratio that is left: one that is known by name, or the simplest."""
    for number, word, name, *_ in FACTORS:
        if word in left and abs(left[word] / number - 1) < 1e-6:
            return next(m for m in catalogue(side) if m.entry == name)
    word = min(left, key=lambda word: (abs(left[word] - 1) > 1e-6, len(word)))
    number = left[word]
    short = next(
        x
        for digits in (1, 2, 3, 6, 12)
        if abs((x := float(f"{number:.{digits}g}")) / number - 1) < 1e-6
    )
    return off_by_a_factor(short, word, side)


def deciding_case(these: Chosen, those: Chosen) -> str:
    """A case on which two diagnoses differ."""
    rng = np.random.default_rng(26)
    for scale in (2.0, 8.0, 20.0):
        for V, B, T in ((4, 2, 3), (7, 3, 4), (40, 5, 7), (300, 2, 9)):
            if V > 7 and any(m.derived for m in (*these, *those)):
                continue
            W = rng.normal(scale=scale, size=(V, V))
            idx, targets = rng.integers(V, size=(B, T)), rng.integers(V, size=(B, T))
            with np.errstate(all="ignore"):
                try:
                    side = these[0].side
                    a, b = (
                        np.asarray(
                            Program(some).loss(W, idx, targets)
                            if side == "loss"
                            else Program(some).gradient(W, idx, targets)
                        )
                        for some in (these, those)
                    )
                except (IndexError, ValueError):
                    continue
            if a.shape != b.shape or abs(a - b).max() > 1e-9 * abs(a).max():
                return (
                    f"V = {V}, B = {B}, T = {T} with logits of size {scale:g} would tell them "
                    "apart."
                )
    return "They are the same on every case that was tried."


def against_witnesses(cases: Sequence[Case], outputs: Outputs) -> list[Row]:
    """The worst of dW, or of the loss where there is no dW, against each witness, over the cases
    that it can speak on; a witness that can speak on one at most is left out."""
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
                compared.append(
                    compare_tensor(witness.name, output["loss"], np.asarray(loss), room)
                )
        if len(compared) > 1:
            rows.append(worst_of(compared))
    return rows
