"""What the doctor found, as one record."""

from typing import Any, NamedTuple

from bigram.comparator import Row
from bigram.doctor.mistakes.gradients import Mistake


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
