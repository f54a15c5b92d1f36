"""The figures of docs/: SVG, the same bytes for the same JSON and the same matplotlib. One row of
panels for each machine.

They look as ``bigram/plot_style.py`` has it; NumPy's lines are solid, the others dashed.
"""

import io
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

from matplotlib.figure import Figure

from benchmarks.report.pages import floors, one_thread
from benchmarks.report.results import Results, Row, apart
from bigram.plot_style import BLACK, BLUE, GREY, RED, SKY, new_figure, settle, style

ORANGE, PINK, GREEN = "#e69f00", "#cc79a7", "#009e73"  # three more of the same palette
# label, which rows (the fastest of them is drawn), colour, marker
LINES: tuple[tuple[str, dict[str, str], str, str], ...] = (
    ("NumPy, pair counts", {"name": "numpy-step"}, BLUE, "o"),
    ("NumPy, per token", {"backend": "NumPy", "algorithm": "per token"}, SKY, "s"),
    ("torch, pair counts", {"backend": "torch", "algorithm": "pair counts"}, RED, "o"),
    ("torch, per token, compiled step", {"name": "torch-compiled-step"}, PINK, "^"),
    ("torch, per token, eager fused", {"name": "torch-fused"}, ORANGE, "s"),
    ("JAX, per token, jitted", {"name": "jax-per-token"}, GREEN, "^"),
    ("C, pair counts, exact", {"name": "c-pair-counts"}, BLACK, "v"),
)
MICRO = 1e6
CHARACTERS = "characters in the vocabulary, V"


def draw(runs: list[Results]) -> dict[str, bytes]:
    """File names and SVGs."""
    runs = one_thread(runs)
    with style():
        return {
            "step-tokens.svg": svg(figure_of(runs, 5, [step_over_tokens])),
            "step-vocabulary.svg": svg(
                figure_of(runs, 5, [step_at_256_tokens, step_at_8192_tokens])
            ),
            "cost.svg": svg(figure_of(runs, 4.5, [cost])),
        }


def svg(figure: Figure) -> bytes:
    """No date in it, so that the same figure is the same file."""
    settle(figure)
    stream = io.BytesIO()
    figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()


def figure_of(
    runs: list[Results], height: float, columns: Sequence[Callable[[Any, Results], None]]
) -> Figure:
    """A row for each machine, with a panel drawn by each of ``columns``, and one legend above."""
    figure = new_figure(height * len(runs))
    panels = figure.subplots(len(runs), len(columns), sharey=True, squeeze=False)
    for run, row in zip(runs, panels, strict=True):
        for axes, draw_panel in zip(row, columns, strict=True):
            draw_panel(axes, run)
    handles, names = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=3)
    return figure


def step_over_tokens(axes: Any, run: Results) -> None:
    """Time of a step against N, at V = 65."""
    lines(axes, run, "tokens", {"vocab_size": 65})
    label(axes, "tokens in a batch", f"one training step, V = 65; {run.name}")


def step_at_256_tokens(axes: Any, run: Results) -> None:
    """Time of a step against V."""
    lines(axes, run, "vocab_size", {"tokens": 256})
    label(axes, CHARACTERS, f"one step, 256 tokens; {run.name}", size=9)


def step_at_8192_tokens(axes: Any, run: Results) -> None:
    """Time of a step against V, beside the panel above."""
    lines(axes, run, "vocab_size", {"tokens": 8192})
    label(axes, CHARACTERS, "8,192 tokens", y="", size=9)


def cost(axes: Any, run: Results) -> None:
    """NumPy's step at 256 tokens against V, over the measured floor."""
    found = floors(run)
    for name, colour, marker, dashes, field in (
        ("NumPy's step", BLUE, "o", "-", "step"),
        ("the C loop, exact", BLACK, "v", "--", "exact"),
        ("the C loop, -ffast-math", GREY, "^", "--", "fast"),
        ("copying W, m and v", ORANGE, "s", ":", "memory"),
    ):
        times = {V: getattr(floor, field) for V, floor in found.items() if getattr(floor, field)}
        if times:
            values = [time * MICRO for time in times.values()]
            look = {"color": colour, "marker": marker, "linestyle": dashes, "label": name}
            axes.loglog(list(times), values, markersize=5, **look)
    ticks(axes, list(found))
    label(axes, CHARACTERS, f"one training step, 256 tokens; {run.name}")


def lines(axes: Any, results: Results, x: str, at: dict[str, int]) -> None:
    """One line for each of ``LINES``, quartiles as bars, and a ring where the first crosses
    another."""
    drawn: dict[str, list[Row]] = {}
    for name, which, colour, marker in LINES:
        rows = fastest(results.find("step", device="cpu", **which, **at), x)
        if not rows:
            continue
        drawn[name] = rows
        dashes = "-" if name.startswith("NumPy") else "--"
        look = {"color": colour, "marker": marker, "linestyle": dashes, "label": name}
        places, medians = [getattr(row, x) for row in rows], [row.median * MICRO for row in rows]
        below = [(row.median - row.q1) * MICRO for row in rows]
        above = [(row.q3 - row.median) * MICRO for row in rows]
        axes.errorbar(places, medians, yerr=[below, above], markersize=5, capsize=3, **look)
    ours = drawn.pop(LINES[0][0], [])
    rings = sorted(point for theirs in drawn.values() for point in crossovers(ours, theirs, x))
    for place, time in rings:
        axes.plot(place, time * MICRO, "o", markersize=13, markerfacecolor="none", color=BLACK)
    if rings:
        crossed = "crossings at " + ", ".join(f"{place:,.0f}" for place, _ in rings)
        axes.text(0.98, 0.02, crossed, transform=axes.transAxes, ha="right", fontsize=9)
    axes.set_xscale("log")
    axes.set_yscale("log")
    ticks(axes, sorted({getattr(row, x) for row in ours}))


def fastest(rows: Sequence[Row], x: str) -> list[Row]:
    """Of each x the row with the least median, in order."""
    best = {getattr(row, x): row for row in sorted(rows, key=lambda row: row.median, reverse=True)}
    return [best[at] for at in sorted(best)]


def crossovers(ours: Sequence[Row], theirs: Sequence[Row], x: str) -> list[tuple[float, float]]:
    """(x, seconds) where one line crosses the other, both straight between points in a log-log
    plot, if their spreads are apart on either side."""
    there = {getattr(row, x): row for row in theirs}
    pairs = {at: (row, there[at]) for row in ours for at in [getattr(row, x)] if at in there}
    logs = {at: [math.log(row.median) for row in pair] for at, pair in pairs.items()}
    found = []
    for left, right in itertools.pairwise(sorted(pairs)):
        (one, other), (next_one, next_other) = logs[left], logs[right]
        before, after = one - other, next_one - next_other
        if before * after < 0 and apart(*pairs[left]) and apart(*pairs[right]):
            part = before / (before - after)
            place = math.exp(math.log(left) + part * math.log(right / left))
            found.append((place, math.exp(one + part * (next_one - one))))
    return found


def ticks(axes: Any, values: Sequence[int]) -> None:
    """The measured places, by name."""
    axes.set_xticks(values, [f"{value:,}" for value in values])
    axes.minorticks_off()


def label(axes: Any, x: str, title: str, y: str = "microseconds", size: int = 11) -> None:
    """The names of the axes, and the title."""
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_title(title, fontsize=size)
