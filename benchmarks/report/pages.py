"""Writes the figures of docs/speed.md and docs/cost.md from the raw JSON of one benchmark run:

    pytest --benchmark-only --benchmark-json=benchmarks/results/cpu.json
    python -m benchmarks.report.pages benchmarks/results/cpu.json

Prose stays as it is; what stands between ``<!-- begin: NAME -->`` and ``<!-- end -->`` is replaced, and
docs/figures drawn anew. Times are medians of rounds, with the quartiles as their spread. The faster of two is
in bold only where their spreads do not touch, and never after a single round. docs/cost.md alone has the
least of all rounds instead: what cannot be undercut is best seen undisturbed.
"""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.harness.work import BLOCK_SIZE, FORMS, PASSES, SHAPES, SUITE, VOCABULARIES, Form, Shape
from benchmarks.report import counting
from benchmarks.report.counting import FORMULAS
from bigram import markdown
from common.errors import UserError
from common.files import replace_file
from impl_numpy.fast.trainer import LARGE

DOCS = Path(__file__).parents[2] / "docs"
PUBLISHED = Path(__file__).parents[1] / "results" / "cpu.json"
PAGES = ("speed.md", "cost.md")
COMMAND = "pytest --benchmark-only --benchmark-json=FILE"


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
    """A run's rows, and where they were measured."""

    def __init__(self, record: Any) -> None:
        """``record``: the JSON. Raises ``UserError`` where it is not one of this suite's."""
        if not isinstance(record, dict) or record.get("suite") != SUITE:
            raise UserError(f"not a result of this suite; make one with {COMMAND}")
        self.machine: dict[str, Any] = record["machine_info"]
        self.commit: dict[str, Any] = record["commit_info"]
        self.date = record["datetime"][:10]
        self.rows = [
            Row(
                extra["operation"],
                bench["group"],
                extra["form"],
                FORMS[extra["form"]],
                extra["vocab_size"],
                extra["tokens"],
                *(bench["stats"][key] for key in ("median", "min", "q1", "q3", "rounds")),
                extra,
            )
            for bench in record["benchmarks"]
            for extra in [bench["extra_info"]]
        ]

    def find(self, operation: str, **wanted: Any) -> list[Row]:
        """Rows of an operation; ``wanted`` names fields of the row or of its form."""

        def value(row: Row, field: str) -> Any:
            return getattr(row.form, field) if field in Form._fields else getattr(row, field)

        rows = [row for row in self.rows if row.operation == operation]
        return [row for row in rows if all(value(row, key) == item for key, item in wanted.items())]

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


# Words and numbers.


def seconds(value: float) -> str:
    """Three digits and a unit.

    >>> seconds(6.0e-05), seconds(0.0123), seconds(2)
    ('60.0 µs', '12.3 ms', '2.00 s')
    """
    units = ((1, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
    scale, unit = next((pair for pair in units if value >= pair[0] * 0.9995), units[-1])
    scaled = value / scale
    return f"{scaled:.{2 if scaled < 9.995 else 1 if scaled < 99.95 else 0}f} {unit}"


def ratio(value: float) -> str:
    """Two digits.

    >>> ratio(5.94), ratio(0.61), ratio(203.2)
    ('5.9×', '0.61×', '200×')
    """
    digits = f"{value:.2g}"
    return f"{float(digits):,.{2 if value < 0.995 else 1 if value < 9.95 else 0}f}×"


def numpy_step(results: Results, at: dict[str, Any]) -> Row | None:
    """The step that ``bigram train`` runs at this V, not whichever of its forms was luckier."""
    name = "numpy-rows" if at["vocab_size"] >= LARGE else "numpy-pair-counts"
    return results.best("step", name=name, **at)


def spread(row: Row) -> str:
    """Median, and the quartiles."""
    if row.rounds == 1:
        return seconds(row.median)
    return f"{seconds(row.median)} ({seconds(row.q1)} to {seconds(row.q3)})"


def apart(one: Row, other: Row) -> bool:
    """Whether their spreads leave a gap; of a single round nobody knows."""
    return min(one.rounds, other.rounds) > 1 and (one.q3 < other.q1 or other.q3 < one.q1)


def pair(ours: Row | None, theirs: Row | None, label: bool = False) -> list[str]:
    """NumPy's cell, torch's, and how many times as long torch takes."""

    def cell(row: Row | None, other: Row | None) -> str:
        if row is None:
            return "–"
        text = spread(row)
        if other and apart(row, other) and row.median < other.median:
            text = f"**{text}**"
        return f"{text}<br>{row.form.label.partition(', ')[2]}" if label else text

    return [
        cell(ours, theirs),
        cell(theirs, ours),
        ratio(theirs.median / ours.median) if ours and theirs else "–",
    ]


def table(headings: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """Markdown; all but the first column to the right."""
    return markdown.table(headings, rows, "lr")


# The blocks of docs/speed.md.


def machine(results: Results) -> str:
    """One paragraph that names it."""
    m = results.machine
    torch = f"torch {m['torch']} on {m['threads_torch']} thread" if m["torch"] else "torch not installed"
    accelerator = f" Accelerator: {m['accelerator']}." if "accelerator" in m else ""
    corpus = results.rows[0].extra["corpus"]
    return (
        f"{m['processor']} ({m['machine']}, {m['cores']} cores, {m['system']}), {m['threads']} thread. "
        f"Python {m['python']}, NumPy {m['numpy']} with {m['blas']} and {m['simd']}, {torch}.{accelerator} "
        f"float32 throughout. Text: {corpus}. Measured on {results.date}.\n"
    )


def machine_line(results: Results) -> str:
    """For a figure's corner."""
    m = results.machine
    return (
        f"{m['processor']}, {m['cores']} cores, {m['threads']} thread; NumPy {m['numpy']}, torch {m['torch']}"
    )


def targets(results: Results) -> str:
    """What was asked, and what was measured."""
    rows = []
    for V, tokens, target in (
        (65, 256, 5),
        (65, 8192, 35),
        (65, 32768, 60),
        (256, 256, 1.5),
        (1024, 256, 1),
        (4096, 256, 1.5),
    ):
        at = {"vocab_size": V, "tokens": tokens, "device": "cpu"}
        ours = numpy_step(results, at)
        both = (results.best("step", name=name, **at) for name in ("torch-eager", "torch-fused"))
        eager = min(filter(None, both), key=lambda row: row.median, default=None)
        own = results.best("step", backend="torch", algorithm="per token", **at)
        best = results.best("step", backend="torch", **at)
        rows.append((f"full step, {Shape(V, tokens // BLOCK_SIZE)}", target, ours, eager, own, best))
    sampling, encoding, generation, job = "sampling", "encoding", "generation", "whole_job"
    for work, target, operation, ours, theirs in (
        ("batch sampling, 256 tokens, against slicing and stacking", 10, sampling, "NumPy", "torch-slicing"),
        ("encoding the whole text, against a list comprehension", 15, encoding, "NumPy", "python-list"),
        ("generating one stream, against torch's loop", 100, generation, "NumPy", "torch"),
        ("the whole job, each side's own evaluation", 20, job, "job-numpy", "job-torch-plain"),
        ("the whole job, the same evaluation on both", None, job, "job-numpy-sampled", "job-torch-plain"),
    ):
        found = [
            results.best(operation, **{"name" if "-" in name else "backend": name, **at})
            for name in (ours, theirs)
            for at in [{"tokens": 256} if operation == sampling else {}]
        ]
        rows.append((work, target, found[0], found[1], None, None))
    return table(
        ("work", "asked", "torch as it comes", "compiled too", "with pair counts too"),
        [
            (
                work,
                f"≥ {target:g}×" if target else "–",
                *(ratio(their.median / ours.median) if ours and their else "–" for their in theirs),
            )
            for work, target, ours, *theirs in rows
        ],
    )


def same_algorithm(results: Results) -> str:
    """The step, like against like."""
    rows = []
    for shape in SHAPES:
        at = {"vocab_size": shape.vocab_size, "tokens": shape.tokens, "device": "cpu"}
        per_token = [results.best("step", backend=b, algorithm="per token", **at) for b in ("NumPy", "torch")]
        counted = results.best("step", backend="torch", algorithm="pair counts", **at)
        rows.append([str(shape), *pair(*per_token), *pair(numpy_step(results, at), counted)])
    headings = ("NumPy, per token", "torch, per token", "ratio", "NumPy, pair counts", "torch, pair counts")
    return table(("", *headings, "ratio"), rows)


def best_algorithm(results: Results) -> str:
    """The step, each side at its best."""
    rows = []
    for shape in SHAPES:
        at = {"vocab_size": shape.vocab_size, "tokens": shape.tokens, "device": "cpu"}
        theirs = results.best("step", backend="torch", **at)
        rows.append([str(shape), *pair(numpy_step(results, at), theirs, label=True)])
    return table(("", "NumPy", "torch", "ratio"), rows)


def around_the_step(results: Results) -> str:
    """Every row of what stands around the step."""
    operations = ("sampling", "encoding", "generation", "evaluation", "optimizer", "whole_job")
    rows = [row for operation in operations for row in results.find(operation, device="cpu")]
    return every(rows)


def accelerators(results: Results) -> str:
    """What was measured on a CUDA or MPS device, if there was one."""
    rows = [row for row in results.rows if row.form.device != "cpu"]
    if not rows:
        return "No accelerator was at hand: those rows were skipped, and no figure stands here for them.\n"
    return every(rows)


def parts(results: Results) -> str:
    """Every row of the step and its parts on the CPU."""
    operations = ("step", "forward_backward", "forward")
    return every([row for name in operations for row in results.find(name, device="cpu")])


def every(rows: list[Row]) -> str:
    """All that is known of each row; compile time apart."""
    return table(
        ("", "form", "median", "least", "quartiles", "rounds"),
        [
            (
                "" if i and rows[i - 1].group == row.group else row.group,
                row.form.label + compile_time(row),
                seconds(row.median),
                seconds(row.min),
                f"{seconds(row.q1)} to {seconds(row.q3)}" if row.rounds > 1 else "–",
                str(row.rounds),
            )
            for i, row in enumerate(rows)
        ],
    )


def compile_time(row: Row) -> str:
    """Said beside the form that has one."""
    took = row.extra.get("compile_seconds")
    return f" (compiled in {took:.0f} s)" if took else ""


# The blocks of docs/cost.md.


def operations(_: Results) -> str:
    """The formulas, as they are held against the code by the tests."""

    def written(form: str, kind: str) -> str:
        text = FORMULAS[form].get(kind, "–")
        return text.replace("V*V", "V²").replace("*", " ")

    kinds = ("exp", "sqrt", "divide", "add", "bytes")
    return table(("", *kinds), [(form, *(written(form, kind) for kind in kinds)) for form in FORMULAS])


def one_pass(results: Results) -> str:
    """What each pass costs over a table of V x V, and what that makes an entry."""
    rows = []
    for V in VOCABULARIES:
        times = [results.best("primitives", vocab_size=V, name=name) for name in PASSES[:-1]]
        if not all(times):
            continue
        gigabytes = 8 * V * V / times[0].min / 1e9
        rows.append(
            [
                f"{V:,}",
                seconds_of_bytes(4 * V * V),
                *(seconds(row.min) for row in times),
                f"{gigabytes:.1f}",
            ]
        )
    call = results.best("primitives", name="call")
    text = table(("V", "a table", *PASSES[:-1], "copied, GB/s"), rows)
    return text + (f"\nA call on a single number takes {seconds(call.min)}.\n" if call else "")


def seconds_of_bytes(count: int) -> str:
    """A size.

    >>> seconds_of_bytes(4 * 65 * 65), seconds_of_bytes(4 * 4096 * 4096)
    ('17 kB', '67 MB')
    """
    return f"{count / 1e3:.0f} kB" if count < 1e6 else f"{count / 1e6:.0f} MB"


class Floor(NamedTuple):
    """Below what no step can be, at one V and 256 tokens, in seconds."""

    memory: float  # W and both moments read and written once: three copies of the table
    arithmetic: float  # exp for the rows that occur, one root and one quotient for every entry
    paper: float  # all operations that the formulas have, each at its measured pace
    step: Row  # as ``bigram train`` runs it


def floors(results: Results) -> dict[int, Floor]:
    """Over V."""
    found = {}
    cost = {
        (row.vocab_size, row.name): row.min / row.vocab_size**2  # seconds an entry
        for row in results.find("primitives")
        if row.vocab_size
    }
    for V in VOCABULARIES:
        step = numpy_step(results, {"vocab_size": V, "tokens": 256})
        if not step or (V, "copy") not in cost:
            continue
        R = step.extra["rows"]
        memory = 3 * V * V * cost[V, "copy"]
        arithmetic = R * V * cost[V, "exp"] + V * V * (cost[V, "sqrt"] + cost[V, "divide"])
        # A block of rows is as large as a table of 256 x 256: a large table is worked on at that one's pace.
        forms, block = ("pair counts", "AdamW"), V
        if V >= LARGE:
            forms, block = tuple(f"{form} of the rows that occur" for form in forms), LARGE
        paper = sum(
            counting.value(FORMULAS[form][kind], 256, V, R) * cost[block, name]
            for form in forms
            for kind, name in (("exp", "exp"), ("sqrt", "sqrt"), ("divide", "divide"), ("add", "multiply"))
            if kind in FORMULAS[form]
        )
        found[V] = Floor(memory, arithmetic, paper + (memory if V > LARGE else 0), step)
    return found


def floor_table(results: Results) -> str:
    """Measured over the floor."""
    return table(
        ("V", "R", "bytes", "exp, sqrt, divide", "on paper", "the step", "over the higher floor"),
        [
            (
                f"{V:,}",
                f"{floor.step.extra['rows']:.0f}",
                seconds(floor.memory),
                seconds(floor.arithmetic),
                seconds(floor.paper),
                seconds(floor.step.min),
                ratio(floor.step.min / max(floor.memory, floor.arithmetic)),
            )
            for V, floor in floors(results).items()
        ],
    )


BLOCKS: dict[str, Callable[[Results], str]] = {
    "machine": machine,
    "targets": targets,
    "step, same algorithm": same_algorithm,
    "step, best algorithm": best_algorithm,
    "around the step": around_the_step,
    "accelerators": accelerators,
    "the step and its parts": parts,
    "operations": operations,
    "one pass": one_pass,
    "floors": floor_table,
}


def page(text: str, results: Results) -> str:
    """A page with every block made anew. Raises ``UserError`` for a block that nobody makes."""

    def block(name: str) -> str:
        if name not in BLOCKS:
            raise UserError(f"no report is called {name!r}; there are {', '.join(BLOCKS)}")
        return BLOCKS[name](results)

    return markdown.with_blocks(text, block)


def main(argv: list[str]) -> int:
    """``python -m benchmarks.report.pages RESULTS.json``; ``--targets`` prints one table."""
    if len(argv) != 1:
        print("benchmarks.report.pages: give one RESULTS.json, made with " + COMMAND, file=sys.stderr)
        return 2
    try:
        if argv == ["--targets"]:
            print(targets(load(PUBLISHED)), end="")
            return 0
        results = load(Path(argv[0]))
        pages = {name: page((DOCS / name).read_text(encoding="utf-8"), results) for name in PAGES}
        from benchmarks.report import figures

        drawn = figures.draw(results)
    except UserError as error:
        print(f"benchmarks.report.pages: {error}", file=sys.stderr)
        return 2
    (DOCS / "figures").mkdir(exist_ok=True)
    for name, text in pages.items():
        replace_file(DOCS / name, text.encode("utf-8"))
    for name, data in drawn.items():
        replace_file(DOCS / "figures" / name, data)
    print(f"docs: {', '.join(PAGES)} and {len(drawn)} figures from {len(results.rows)} rows")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
