"""The figures of docs/: SVG, the same bytes for the same JSON and the same matplotlib.

They look as ``bigram/plot_style.py`` has it; NumPy's lines are solid and torch's dashed.
"""

import io
import itertools
import math
from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from benchmarks.report.pages import Results, Row, apart, floors, machine_line, numpy_step
from bigram.plot_style import BLACK, BLUE, GREY, RED, SKY, new_figure, settle, style

ORANGE, PINK = "#e69f00", "#cc79a7"  # two more of the same palette
# label, which rows (the fastest of them is drawn), colour, marker
LINES: tuple[tuple[str, dict[str, str], str, str], ...] = (
    ("NumPy, pair counts", {"backend": "NumPy", "algorithm": "pair counts"}, BLUE, "o"),
    ("NumPy, per token", {"backend": "NumPy", "algorithm": "per token"}, SKY, "s"),
    ("torch, pair counts", {"backend": "torch", "algorithm": "pair counts"}, RED, "o"),
    ("torch, per token, compiled step", {"name": "torch-compiled-step"}, PINK, "^"),
    ("torch, per token, eager fused", {"name": "torch-fused"}, ORANGE, "s"),
)
MICRO = 1e6


def draw(results: Results) -> dict[str, bytes]:
    """File names and SVGs."""
    with style():
        return {
            "step-tokens.svg": svg(step_over_tokens(results)),
            "step-vocabulary.svg": svg(step_over_vocabulary(results)),
            "cost.svg": svg(cost(results)),
        }


def svg(figure: Figure) -> bytes:
    """No date in it, so that the same figure is the same file."""
    settle(figure)
    stream = io.BytesIO()
    figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()


def step_over_tokens(results: Results) -> Figure:
    """Time of a step against N, at V = 65."""
    figure = new_figure(5)
    axes = figure.add_subplot()
    lines(axes, results, "tokens", {"vocab_size": 65})
    label(axes, "tokens in a batch", "one training step, V = 65")
    finish(figure, axes, results)
    return figure


def step_over_vocabulary(results: Results) -> Figure:
    """Time of a step against V, at 256 and at 8,192 tokens."""
    figure = new_figure(5)
    both = figure.subplots(1, 2, sharey=True)
    for axes, tokens in zip(both, (256, 8192), strict=True):
        lines(axes, results, "vocab_size", {"tokens": tokens})
        label(axes, "characters in the vocabulary, V", f"one training step, {tokens:,} tokens")
    both[1].set_ylabel("")
    finish(figure, both[0], results)
    return figure


def cost(results: Results) -> Figure:
    """NumPy's step at 256 tokens against V, over what no step can be below."""
    figure = new_figure(4.5)
    axes = figure.add_subplot()
    found = floors(results)
    V = list(found)
    for name, colour, marker, dashes, values in (
        ("NumPy's step", BLUE, "o", "-", [floor.step.min for floor in found.values()]),
        ("its passes, on paper", SKY, "o", "--", [floor.paper for floor in found.values()]),
        ("floor: exp, root, quotient", ORANGE, "^", ":", [floor.arithmetic for floor in found.values()]),
        ("floor: bytes over bandwidth", BLACK, "s", ":", [floor.memory for floor in found.values()]),
    ):
        times = [value * MICRO for value in values]
        axes.loglog(V, times, color=colour, marker=marker, linestyle=dashes, label=name, markersize=5)
    ticks(axes, V)
    label(axes, "characters in the vocabulary, V", "one training step, 256 tokens")
    finish(figure, axes, results)
    return figure


def lines(axes: Any, results: Results, x: str, at: dict[str, int]) -> None:
    """One line for each of ``LINES``, quartiles as bars, and a ring where the first crosses another."""
    drawn: dict[str, list[Row]] = {}
    for name, which, colour, marker in LINES:
        rows = fastest(results.find("step", device="cpu", **which, **at), x)
        if name == LINES[0][0]:  # not the luckier form at each place, but the one that is run there
            places = [{x: getattr(row, x), **at} for row in rows]
            rows = [row for row in (numpy_step(results, place) for place in places) if row]
        if not rows:
            continue
        drawn[name] = rows
        axes.errorbar(
            [getattr(row, x) for row in rows],
            [row.median * MICRO for row in rows],
            yerr=[
                [(row.median - row.q1) * MICRO for row in rows],
                [(row.q3 - row.median) * MICRO for row in rows],
            ],
            label=name,
            color=colour,
            marker=marker,
            linestyle="-" if name.startswith("NumPy") else "--",
            markersize=5,
            capsize=3,
        )
    ours = drawn.pop(LINES[0][0], [])
    rings = sorted(point for theirs in drawn.values() for point in crossovers(ours, theirs, x))
    for place, time in rings:
        axes.plot(place, time * MICRO, "o", markersize=13, markerfacecolor="none", color=BLACK)
    if rings:
        places = ", ".join(f"{place:,.0f}" for place, _ in rings)
        axes.text(0.98, 0.02, f"crossings at {places}", transform=axes.transAxes, ha="right", fontsize=9)
    axes.set_xscale("log")
    axes.set_yscale("log")
    ticks(axes, sorted({getattr(row, x) for row in ours}))


def fastest(rows: Sequence[Row], x: str) -> list[Row]:
    """Of each x the row with the least median, in order."""
    best: dict[int, Row] = {}
    for row in rows:
        at = getattr(row, x)
        if at not in best or row.median < best[at].median:
            best[at] = row
    return [best[at] for at in sorted(best)]


def crossovers(ours: Sequence[Row], theirs: Sequence[Row], x: str) -> list[tuple[float, float]]:
    """(x, seconds) where one line crosses the other, both straight between points in a log-log plot, if their
    spreads are apart on either side."""
    there = {getattr(row, x): row for row in theirs}
    pairs = {at: (row, there[at]) for row in ours for at in [getattr(row, x)] if at in there}
    one, other = ({at: math.log(pair[i].median) for at, pair in pairs.items()} for i in (0, 1))
    found = []
    for left, right in itertools.pairwise(sorted(pairs)):
        before, after = one[left] - other[left], one[right] - other[right]
        if before * after < 0 and apart(*pairs[left]) and apart(*pairs[right]):
            part = before / (before - after)
            place = math.exp(math.log(left) + part * math.log(right / left))
            found.append((place, math.exp(one[left] + part * (one[right] - one[left]))))
    return found


def ticks(axes: Any, values: Sequence[int]) -> None:
    """The measured places, by name."""
    axes.set_xticks(values, [f"{value:,}" for value in values])
    axes.minorticks_off()


def label(axes: Any, x: str, title: str) -> None:
    """What stands along a plot."""
    axes.set_xlabel(x)
    axes.set_ylabel("microseconds")
    axes.set_title(title, fontsize=11)


def finish(figure: Figure, axes: Any, results: Results) -> None:
    """The legend above, the machine below."""
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=3)
    figure.supxlabel(machine_line(results), fontsize=8, color=GREY)
