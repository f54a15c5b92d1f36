"""The blocks of docs/speed.md, docs/cost.md and docs/gpu.md, and of the README, made from results.

A time is the median of its rounds. The fastest of a row is bold only where its quartiles are apart
from those of every other. docs/cost.md has the least of all rounds instead, for a floor is best
seen undisturbed. A table about one machine names it, and stands once for each machine.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.harness.work import PASSES, SHAPES, SMALLEST, VOCABULARIES, Shape
from benchmarks.report.results import Results, Row, apart
from bigram.markdown import rewritten, table
from bigram.terminal import plural
from common.errors import UserError

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("speed.md", "cost.md", "gpu.md")
NONE = "–"
SIDES = ("NumPy", "torch", "JAX", "Numba", "autograd")  # C is the floor, and no side
PUBLISHED = {"vocab_size": 65, "tokens": 256}


def seconds(value: float | None) -> str:
    """Three digits and a unit.

    >>> seconds(6.0e-05), seconds(0.0123), seconds(2), seconds(None)
    ('60.0 µs', '12.3 ms', '2.00 s', '–')
    """
    if value is None:
        return NONE
    units = ((1, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
    scale, unit = next((pair for pair in units if value >= pair[0] * 0.9995), units[-1])
    scaled = value / scale
    return f"{scaled:.{2 if scaled < 9.995 else 1 if scaled < 99.95 else 0}f} {unit}"


def ratio(one: float | None, other: float | None) -> str:
    """The one over the other, in two digits.

    >>> ratio(5.94, 1), ratio(0.61, 1), ratio(406.4, 2), ratio(1, None)
    ('5.9×', '0.61×', '200×', '–')
    """
    if one is None or other is None:
        return NONE
    value = one / other
    digits = f"{value:.2g}"
    return f"{float(digits):,.{2 if value < 0.995 else 1 if value < 9.95 else 0}f}×"


def size_of(count: int) -> str:
    """Of so many bytes.

    >>> size_of(4 * 65 * 65), size_of(4 * 4096 * 4096)
    ('17 kB', '67 MB')
    """
    return f"{count / 1e3:.0f} kB" if count < 1e6 else f"{count / 1e6:.0f} MB"


def median(row: Row | None) -> str:
    """Or a dash."""
    return seconds(row and row.median)


def times_as_long(theirs: Row | None, ours: Row | None) -> str:
    """Their time over ours."""
    return ratio(theirs and theirs.median, ours and ours.median)


def compared(rows: Sequence[Row | None], labelled: bool = False) -> list[str]:
    """A cell for each; the fastest in bold if it is apart from all others."""
    found = [row for row in rows if row]

    def cell(row: Row | None) -> str:
        if row is None:
            return NONE
        faster = all(
            row.median < other.median and apart(row, other) for other in found if other is not row
        )
        text = f"**{median(row)}**" if faster and len(found) > 1 else median(row)
        label = row.form.label.partition(", ")[2] or row.form.label
        return f"{text}<br>{label}" if labelled else text

    return [cell(row) for row in rows]


def without_empty(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table, without the rows and columns that hold no figure; all but the first column to the
    right. A sentence where none is left."""
    rows = [row for row in rows if any(cell != NONE for cell in row[1:])]
    if not rows:
        return "Not measured on this machine.\n"
    kept = [i for i in range(len(headings)) if any(row[i] != NONE for row in rows)]
    return table([headings[i] for i in kept], [[row[i] for i in kept] for row in rows], "lr")


def one_thread(runs: Iterable[Results]) -> list[Results]:
    """The runs that the headline figures come from."""
    return [run for run in runs if run.threads == 1 and not run.on_card]


def under_names(runs: Iterable[Results], make: Callable[[Results], str]) -> str:
    """One part for each machine, under its name."""
    return "\n".join(f"{run.name}:\n\n{make(run)}" for run in runs)


def of_each(make: Callable[[Results], str]) -> Callable[[list[Results]], str]:
    """A block with one part for each machine."""
    return lambda runs: under_names(one_thread(runs), make)


def over_shapes(headings: Sequence[str], cells: Callable[[dict[str, Any]], Sequence[str]]) -> str:
    """A table with a row for each shape; ``cells`` is given how rows of the shape are found."""
    return without_empty(headings, [[str(shape), *cells(at_shape(shape))] for shape in SHAPES])


# --- docs/speed.md --------------------------------------------------------------------------------


def machines(runs: list[Results]) -> str:
    """Every run, its machine and its software."""
    lines = []
    for run in runs:
        m = run.machine
        versions = ", ".join(
            f"{name} {m[name.lower()]}"
            for name in ("Python", "NumPy", "torch", "JAX", "Numba", "autograd")
            if m.get(name.lower())
        )
        lines.append(
            f"- {run.name} ({m['machine']}, {m['system']}; {m['blas']}; {m['simd']}): {versions}. "
            f"float32, {run.rows[0].extra['corpus']}, {run.date}.\n"
        )
    return "".join(lines)


# label, then the forms of: forward, forward and backward, AdamW, the whole step
PARTS = (
    ("NumPy, np.add.at", "numpy-per-token", "numpy-add-at", "numpy-adamw", "numpy-add-at"),
    ("NumPy, one-hot product", "numpy-per-token", "numpy-one-hot", "numpy-adamw", "numpy-one-hot"),
    ("torch", "torch-recorded", "torch-eager", "torch-eager", "torch-eager"),
    ("torch, fused AdamW", "torch-recorded", "torch-eager", "torch-fused", "torch-fused"),
    ("JAX, jitted", *["jax-per-token"] * 4),
    ("C, exact", *["c-per-token"] * 4),
    ("C, -ffast-math", *["c-fast-per-token"] * 4),
)


def parts_of(run: Results, forms: Sequence[str]) -> tuple[list[float | None], Row | None]:
    """Seconds of forward, backward and AdamW, and the row of the whole step. Backward is forward
    and backward less forward; None where the two together took no longer than forward alone."""
    forward = run.best("forward", name=forms[0], **PUBLISHED)
    both = run.best("gradient", name=forms[1], **PUBLISHED)
    adamw = run.best("optimizer", name=forms[2], vocab_size=65)
    backward = None
    if both and forward and both.median > forward.median:
        backward = both.median - forward.median
    found = [forward and forward.median, backward, adamw and adamw.median]
    return found, run.best("step", name=forms[3], **PUBLISHED)


def same_work(run: Results) -> str:
    """One algorithm, token by token, nothing fused by hand: the cost of a framework on a small
    model."""
    floor = run.best("step", name="c-per-token", **PUBLISHED)
    rows = []
    for label, *forms in PARTS:
        found, step = parts_of(run, forms)
        if not step:
            continue
        whole = None if None in found else sum(part for part in found if part)
        cells = map(seconds, [*found, whole])
        rows.append([label, *cells, median(step), times_as_long(step, floor)])
    return without_empty(
        ("V = 65, 256 tokens", "forward", "backward", "AdamW", "their sum", "the step", "over C"),
        rows,
    )


DISPATCHED = (
    "numpy-add-at",
    "numpy-step",
    "torch-eager",
    "torch-fused",
    "jax-per-token",
    "c-per-token",
)


def dispatch(run: Results) -> str:
    """The step where there is next to nothing to compute, in units of the smallest call."""
    rows = []
    for name in DISPATCHED:
        step = run.best("step", name=name, **PUBLISHED)
        empty = run.best("dispatch", name=name)
        if not step or not empty:
            continue
        call = run.best("call", backend=step.form.backend)
        share, operators = f"{empty.median / step.median:.0%}", step.extra.get("operators", NONE)
        calls = f"{empty.median / call.median:.0f}" if call else NONE
        times = [median(step), median(empty), share, median(call), calls]
        rows.append([step.form.label, *times, str(operators)])
    return without_empty(
        (
            *("", "V = 65, 256 tokens", f"{SMALLEST}", "of the step", "smallest call"),
            *("in smallest calls", "operators dispatched"),
        ),
        rows,
    )


def at_shape(shape: Shape) -> dict[str, Any]:
    """How rows of the shape are found."""
    return {"vocab_size": shape.vocab_size, "tokens": shape.tokens, "device": "cpu"}


def best_of(run: Results, side: str, at: dict[str, Any]) -> Row | None:
    """The fastest step of a side; NumPy's is the one that ``bigram train`` runs."""
    form = {"name": "numpy-step"} if side == "NumPy" else {"backend": side}
    return run.best("step", **form, **at)


def best_of_each(run: Results) -> str:
    """The fastest form of each side, in any algorithm."""
    sides = ("NumPy", "torch", "JAX", "Numba")
    return over_shapes(
        ("", *sides, "C"),
        lambda at: [
            *compared([best_of(run, side, at) for side in sides], labelled=True),
            *compared([run.best("step", backend="C", **at)], labelled=True),
        ],
    )


def same_algorithm(run: Results) -> str:
    """The step, one table for each algorithm."""

    def one(algorithm: str) -> str:
        exact, fast = (f"c-{kind}{algorithm.replace(' ', '-')}" for kind in ("", "fast-"))
        only = {"algorithm": algorithm}
        return over_shapes(
            (algorithm, *SIDES, "C, exact", "C, -ffast-math"),
            lambda at: [
                *compared([run.best("step", backend=side, **only, **at) for side in SIDES]),
                *(median(run.best("step", name=name, **at)) for name in (exact, fast)),
            ],
        )

    return "\n".join(map(one, ("per token", "pair counts")))


# the work around the step, the aim, the operation, and how NumPy's row and the other's are found
AIMS: tuple[tuple[str, str, str, dict[str, Any], dict[str, Any]], ...] = (
    (
        "batch sampling, 256 tokens, against slicing and stacking",
        *("≥ 10×", "sampling"),
        {"backend": "NumPy", "tokens": 256},
        {"name": "torch-slicing", "tokens": 256},
    ),
    (
        "encoding the whole text, against a list comprehension",
        *("≥ 15×", "encoding", {"backend": "NumPy"}, {"name": "python-list"}),
    ),
    (
        "generating one stream, against torch's loop",
        *("≥ 100×", "generation", {"backend": "NumPy"}, {"backend": "torch"}),
    ),
    (
        "the whole job, each side's own evaluation",
        *("≥ 20×", "whole_job", {"name": "job-numpy"}, {"name": "job-torch-plain"}),
    ),
    (
        "the whole job, the same evaluation on both",
        *(NONE, "whole_job", {"name": "job-numpy-sampled"}, {"name": "job-torch-plain"}),
    ),
)


def aims(run: Results) -> str:
    """Their time over NumPy's, beside the aim."""
    rows = []
    for shape in SHAPES:
        at = at_shape(shape)
        ours = best_of(run, "NumPy", at)
        fastest = [
            run.best("step", name=("torch-eager", "torch-fused"), **at),
            run.best("step", backend=("torch", "JAX"), algorithm="per token", **at),
            run.best("step", backend=("torch", "JAX"), **at),
        ]
        floor = run.best("step", name="c-pair-counts", **at)
        aim = "≥ 1×" if shape.vocab_size <= 256 else NONE
        over_c = [times_as_long(ours, floor), "≤ 2×" if shape.vocab_size <= 65 else NONE]
        rows.append(
            [f"step, {shape}", aim, *(times_as_long(row, ours) for row in fastest), *over_c]
        )
    for work, aim, operation, our, their in AIMS:
        ours, theirs = run.best(operation, **our), run.best(operation, **their)
        rows.append([work, aim, times_as_long(theirs, ours), *[NONE] * 4])
    return without_empty(
        (
            "",
            "aim",
            "torch as it comes",
            "torch or JAX compiled",
            "with pair counts too",
            "NumPy over C, exact",
            "aim",
        ),
        rows,
    )


def all_cores(runs: list[Results]) -> str:
    """The fastest of each side on one thread and on every core."""

    def beside_one_thread(many: Results) -> str:
        processor = many.machine["processor"]
        same = (one for one in one_thread(runs) if one.machine["processor"] == processor)
        both = (next(same, many), many)
        columns = [(side, run) for side in ("NumPy", "torch", "JAX") for run in both]
        return over_shapes(
            ("", *(f"{side}, {plural(run.threads, 'thread')}" for side, run in columns)),
            lambda at: [median(best_of(run, side, at)) for side, run in columns],
        )

    many = [run for run in runs if run.threads > 1 and not run.on_card]
    return under_names(many, beside_one_thread) or "Not measured yet.\n"


def every_of(*operations: str) -> Callable[[Results], str]:
    """A table of every row of these operations on the CPU."""
    return lambda run: every([row for name in operations for row in run.find(name, device="cpu")])


def every(rows: list[Row]) -> str:
    """All figures of each row; compile time apart."""

    def label(row: Row) -> str:
        took = row.extra.get("compile_seconds")
        return row.form.label + (f" (compiled in {took:.1f} s)" if took else "")

    return table(
        ("", "form", "median", "least", "quartiles", "rounds"),
        [
            (
                "" if i and rows[i - 1].group == row.group else row.group,
                label(row),
                seconds(row.median),
                seconds(row.min),
                f"{seconds(row.q1)} to {seconds(row.q3)}" if row.rounds > 1 else NONE,
                str(row.rounds),
            )
            for i, row in enumerate(rows)
        ],
        "lr",
    )


# --- docs/gpu.md ----------------------------------------------------------------------------------


def cards(runs: list[Results]) -> str:
    """Every row of every accelerator, the NumPy step on the CPU beside it."""
    found = under_names((run for run in runs if run.on_card), lambda run: every(run.rows))
    return found or "No card has been measured yet: there is no figure here, and none is guessed.\n"


# --- docs/cost.md ---------------------------------------------------------------------------------


def one_pass(run: Results) -> str:
    """The time of each pass over a table of V x V."""
    rows = []
    for V in VOCABULARIES:
        times = [run.best("primitives", vocab_size=V, name=name) for name in PASSES]
        found = [row for row in times if row]
        if len(found) == len(PASSES):
            copied = f"{8 * V * V / found[0].min / 1e9:.1f}"
            rows.append(
                [f"{V:,}", size_of(4 * V * V), *(seconds(row.min) for row in found), copied]
            )
    return without_empty(("V", "a table", *PASSES, "copied, GB/s"), rows)


class Floor(NamedTuple):
    """The least times at one V and 256 tokens, in seconds."""

    step: float  # NumPy's, as `bigram train` runs it
    exact: float | None  # the C loop's
    fast: float | None  # with -ffast-math
    memory: float | None  # W, m and v read and written once: three copies of a table
    multiply: float | None  # one pass of NumPy


def floors(run: Results) -> dict[int, Floor]:
    """Over V."""

    def least(operation: str, **wanted: Any) -> float | None:
        row = run.best(operation, **wanted)
        return row.min if row else None

    found = {}
    for V in VOCABULARIES:
        at = {"vocab_size": V, "tokens": 256}
        copy = least("primitives", vocab_size=V, name="copy")
        if step := least("step", name="numpy-step", **at):
            found[V] = Floor(
                step,
                least("step", name="c-pair-counts", **at),
                least("step", name="c-fast-pair-counts", **at),
                3 * copy if copy else None,
                least("primitives", vocab_size=V, name="multiply"),
            )
    return found


def floor_table(run: Results) -> str:
    """The step over the floor that was measured."""
    return without_empty(
        (
            *("V", "NumPy's step", "C, exact", "C, -ffast-math", "copying W, m and v"),
            *("over C, exact", "over C, -ffast-math", "in passes of NumPy"),
        ),
        [
            [
                f"{V:,}",
                *map(seconds, floor[:4]),
                ratio(floor.step, floor.exact),
                ratio(floor.step, floor.fast),
                f"{floor.step / floor.multiply:.0f}" if floor.multiply else NONE,
            ]
            for V, floor in floors(run).items()
        ],
    )


def whole_job(run: Results) -> str:
    """The parts of ``bigram train --backend numpy``, each measured apart, and the rest."""
    job = run.best("whole_job", name="job-numpy")
    parts = {
        "Python and `import numpy`": (1, run.best("whole_job", name="job-import-numpy")),
        "5,000 steps": (5000, run.best("step", name="numpy-step", **PUBLISHED)),
        "5,000 batches": (5000, run.best("sampling", backend="NumPy", tokens=256)),
        "encoding the text": (1, run.best("encoding", name="numpy-tokenizer")),
        "500 characters": (1, run.best("generation", name="numpy-bisection")),
    }
    if not job or None in [row for _, row in parts.values()]:
        return "Not measured on this machine.\n"
    took = {name: count * row.median for name, (count, row) in parts.items() if row}
    took["the rest: own imports, reading, evaluation, output"] = job.median - sum(took.values())
    took["the whole job"] = job.median
    rows = [[name, seconds(time), f"{time / job.median:.0%}"] for name, time in took.items()]
    return without_empty(("", "time", "of the whole"), rows)


# --- README ---------------------------------------------------------------------------------------


README_SHAPES = [Shape(65, 32), Shape(65, 1024), Shape(256, 32), Shape(1024, 32)]


def readme(runs: list[Results]) -> str:
    """Ten lines: the same work on each side, then the best of each, on the first machine."""
    run = one_thread(runs)[0]
    rows = []
    for label, *forms in (PARTS[1], PARTS[2], PARTS[4], PARTS[5]):
        found, step = parts_of(run, forms)
        side = label.partition(",")[0]
        best = [median(best_of(run, side, at_shape(shape))) for shape in README_SHAPES]
        rows.append([side, *map(seconds, found), median(step), *best])
    best_at = [f"best at V = {shape.vocab_size:,}, N = {shape.tokens:,}" for shape in README_SHAPES]
    headings = ("", "forward", "backward", "AdamW", "step", *best_at)
    job, plain = (run.best("whole_job", name=f"job-{name}") for name in ("numpy", "torch-plain"))
    ours, theirs = (run.best("generation", backend=side) for side in ("NumPy", "torch"))
    return (
        f"{without_empty(headings, rows)}\n"
        f"{run.name}. The whole job, imports included: {times_as_long(plain, job)} as fast as a "
        f"plain torch script; generation: {times_as_long(theirs, ours)} as fast as torch's loop.\n"
    )


BLOCKS: dict[str, Callable[[list[Results]], str]] = {
    "machines": machines,
    "the same work": of_each(same_work),
    "dispatch": of_each(dispatch),
    "step, best of each side": of_each(best_of_each),
    "step, same algorithm": of_each(same_algorithm),
    "aims": of_each(aims),
    "all cores": all_cores,
    "around the step": of_each(
        every_of("sampling", "encoding", "generation", "evaluation", "optimizer", "whole_job")
    ),
    "the step and its parts": of_each(every_of("step", "dispatch", "call", "gradient", "forward")),
    "cards": cards,
    "one pass": of_each(one_pass),
    "floors": of_each(floor_table),
    "whole job": of_each(whole_job),
}


def made_anew(runs: list[Results]) -> dict[Path, bytes]:
    """Every page with every block made anew. Raises ``UserError`` for a block without a maker."""

    def block(name: str) -> str:
        if name not in BLOCKS:
            raise UserError(f"no report is called {name!r}; there are {', '.join(BLOCKS)}")
        return BLOCKS[name](runs)

    return rewritten([DOCS / name for name in PAGES], block)
