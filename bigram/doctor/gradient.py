"""The doctor: is this gradient right, and if not, which mistake is in it?

The reader's ``(W, idx, targets) -> (loss, dW)`` runs on cases built to tell mistakes apart, and every
number it returns is held against 50-digit arithmetic within the bound of ``bounds.py``. If one is over
its bound, the mistakes of the catalogue are made on the same cases, alone and two at a time: the diagnosis
is not guessed from one number but is the entry whose output agrees with the reader's on every case.
``optimizer.py`` does the same for optimizers.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from bigram.bounds import unit_roundoff
from bigram.comparator import Row, compare_tensor
from bigram.doctor.cases import Case, Outputs, gradient_cases, loss_room
from bigram.doctor.diagnosis import Maker, describe, diagnose
from bigram.doctor.mistakes import gradients
from bigram.doctor.mistakes.gradients import Mistake
from bigram.doctor.subject import Complaint, GradientCall, run_apart
from bigram.doctor.verdict import Report
from bigram.doctor.witnesses import WITNESSES
from common.arrays import Array


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
