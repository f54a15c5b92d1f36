"""The findings of a check as one record."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bigram.comparator import Row
from bigram.doctor.mistakes.stages import Mistake
from common.arrays import Array


@dataclass(frozen=True)
class Report:
    """The subject of a check, and the findings."""

    subject: str
    complaint: str | None  # why the last case gave no number to judge
    rows: list[tuple[str, Row]]  # case, and how one of its outputs compares with the truth
    # the same outputs against each witness, the worst over all cases
    witnesses: list[Row] = field(default_factory=list)
    diagnosis: list[Mistake] = field(default_factory=list)
    # where no entry of the catalogue fits: a description of the error
    pattern: list[str] = field(default_factory=list)
    # runs that an optimizer could not be given, and why
    not_tried: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # remarks on the diagnosis
    unstable: list[str] = field(default_factory=list)  # where no number, or a wrong one, comes out
    extreme: frozenset[str] = frozenset()  # the cases with extreme logits
    case: dict[str, Array] = field(default_factory=dict)  # the smallest wrong one, in arrays

    @property
    def wrong(self) -> list[tuple[str, Row]]:
        """The cases and outputs that are over their bounds."""
        return [(case, row) for case, row in self.rows if not row.fraction_of_bound <= 1]

    @property
    def verdict(self) -> str:
        """ "correct", "unstable" (right for ordinary logits only) or "wrong"."""
        if self.complaint or not self.rows:
            return "wrong"
        ordinary = any(case not in self.extreme for case, _ in self.wrong)
        return "wrong" if ordinary else "unstable" if self.wrong else "correct"

    @property
    def worst(self) -> tuple[str, Row]:
        """The case and output nearest to its bound, or furthest over it."""
        return max(self.rows, key=lambda row: row[1].fraction_of_bound)

    def record(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        case, row = self.worst if self.rows else (None, None)
        measures = ("fraction_of_bound", "max_abs", "where")
        return {
            "subject": self.subject,
            "verdict": self.verdict,
            "worst": {"case": case, "of": row and row.name}
            | {name: getattr(row, name, None) for name in measures},
            "witnesses": [row._asdict() for row in self.witnesses],
            "diagnosis": [
                {
                    "mistake": m.name,
                    "entry": m.entry,
                    "amount": amount_of(m),
                    "why": m.why,
                    "mend": m.mend,
                }
                for m in self.diagnosis
            ],
            "complaint": self.complaint,
            "pattern": self.pattern,
            "not_tried": self.not_tried,
            "notes": self.notes,
            "unstable": self.unstable,
            "case": {name: plain(array) for name, array in self.case.items()},
        }


def worst_of(rows: Sequence[Row]) -> Row:
    """Rows of one name as one: exact if all are, the largest of both measures."""
    worst = max(rows, key=lambda row: row.fraction_of_bound)
    exact, max_abs = all(row.exact for row in rows), max(row.max_abs for row in rows)
    return worst._replace(exact=exact, max_abs=max_abs)


def amount_of(mistake: Mistake) -> float | None:
    """The number that was found for a mistake that has one."""
    if mistake.ratio:
        return mistake.ratio[0]
    number = mistake.chosen[0] if mistake.chosen else None
    return float(number) if isinstance(number, float) else None


def plain(array: Array) -> Any:
    """Lists and numbers; nan and infinities as words, for JSON has none."""
    values = np.asarray(array)
    if values.dtype.kind != "f":
        return values.tolist()
    words = [x if math.isfinite(x) else repr(x) for x in values.ravel().tolist()]
    return np.array(words, object).reshape(values.shape).tolist()


def case_of(
    arguments: Mapping[str, Any], yours: Mapping[str, Any], right: Mapping[str, Any]
) -> dict[str, Array]:
    """One case to take along: its arguments, and each output beside the right one."""
    outputs = {
        f"{whose}_{name}": value
        for whose, values in (("yours", yours), ("right", right))
        for name, value in values.items()
    }
    return {**arguments, **{name: np.asarray(value) for name, value in outputs.items()}}
