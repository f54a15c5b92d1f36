"""The raw rounds of one run of the benchmarks, as rows to ask for. One file for each machine lies
in ``benchmarks/results``: ``PROCESSOR.json`` on one thread, ``PROCESSOR-all-cores.json`` on all,
and ``CARD.json`` for an accelerator."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.harness.work import FORMS, SUITE, Form
from common.errors import UserError

FOLDER = Path(__file__).parents[1] / "results"
COMMAND = "python -m benchmarks"


class Row(NamedTuple):
    """One figure: seconds for one call of one form."""

    operation: str
    group: str
    name: str
    form: Form
    vocab_size: int | None
    tokens: int | None
    median: float
    min: float
    q1: float
    q3: float
    rounds: int
    extra: dict[str, Any]


class Results:
    """A run's rows, and the machine that they were measured on."""

    def __init__(self, record: Any) -> None:
        """``record``: the JSON. Raises ``UserError`` where it is not one of this suite's."""
        if not isinstance(record, dict) or record.get("suite") != SUITE:
            raise UserError(f"not a result of this suite; make one with {COMMAND}")
        self.machine: dict[str, Any] = record["machine_info"]
        self.threads: int = self.machine["threads"]
        self.date = record["datetime"][:10]
        self.rows = []
        for bench in record["benchmarks"]:
            extra, stats = bench["extra_info"], bench["stats"]
            names = extra["operation"], bench["group"], extra["form"], FORMS[extra["form"]]
            times = (stats[key] for key in ("median", "min", "q1", "q3", "rounds"))
            self.rows.append(
                Row._make((*names, extra["vocab_size"], extra["tokens"], *times, extra))
            )

    @property
    def on_card(self) -> bool:
        """Whether an accelerator was measured."""
        return any(row.form.device != "cpu" for row in self.rows)

    @property
    def name(self) -> str:
        """Of the machine, for a heading."""
        m = self.machine
        if self.on_card:
            return f"{m['accelerator']}, beside {m['processor']}"
        threads = f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        return f"{m['processor']}, {m['cores']} cores, {threads}"

    def find(self, operation: str, **wanted: Any) -> list[Row]:
        """Rows of an operation; ``wanted`` names fields of the row or of its form, with the value,
        or with a tuple of those that will do."""

        def fits(row: Row, field: str, item: Any) -> bool:
            value = getattr(row.form if field in Form._fields else row, field)
            return value in item if isinstance(item, tuple) else value == item

        rows = [row for row in self.rows if row.operation == operation]
        return [row for row in rows if all(fits(row, *each) for each in wanted.items())]

    def best(self, operation: str, **wanted: Any) -> Row | None:
        """The row with the least median."""
        return min(self.find(operation, **wanted), key=lambda row: row.median, default=None)


def load(path: Path) -> Results:
    """A result from its file."""
    try:
        return Results(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; make it with {COMMAND}") from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError(f"{path} is not JSON; make it with {COMMAND}") from error
    except UserError as error:
        raise UserError(f"{path} is {error}") from None
    except (KeyError, TypeError, IndexError) as error:
        raise UserError(f"{path} lacks {error}; make it anew with {COMMAND}") from error


def published() -> list[Results]:
    """Every machine's, by the names of the files; one thread before all cores."""
    return [load(path) for path in sorted(FOLDER.glob("*.json"), key=lambda path: path.stem)]


def apart(one: Row, other: Row) -> bool:
    """Whether the quartiles of the two leave a gap. A single round has no spread, so it is never
    apart."""
    return min(one.rounds, other.rounds) > 1 and (one.q3 < other.q1 or other.q3 < one.q1)
