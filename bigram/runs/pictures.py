"""Pictures of a run: ``bigram compare --plot DIR`` and ``bigram train --plot DIR``.

``losses``    the loss of both splits, and how far the two models' losses were apart
``table``     the probabilities of the next character, beside its frequencies in the text
``gradient``  how near every entry of the two gradients came to its bound
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bigram.comparator import differences
from bigram.plot_style import (
    BLACK,
    BLUE,
    GREY,
    RED,
    count_updates,
    new_figure,
    save,
    style,
    visible,
)
from common.pairs import conditional_entropy, count_text_pairs
from common.text.corpus import Corpus

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

    from bigram.runs.compare import Comparison, Trace
    from bigram.runs.records import TrainRecord

SIDE_BY_SIDE = 30  # characters that still have room for a label in a table half as wide as the page
PAGE_WIDE = 66  # and in one as wide as the page


def draw_comparison(folder: Path, result: Comparison, corpus: Corpus, trace: Trace) -> list[str]:
    """``losses``, ``table`` and ``gradient`` of a run of ``bigram compare``, which filled in
    ``trace``. Returns their names."""
    vocab = corpus.tokenizer.vocab
    counts = count_text_pairs(corpus.train, len(vocab))
    history = result.record()["history"]
    with style():
        save(losses_picture(history, result.optimum, trace.losses), folder, "losses")
        save(table_picture(trace.table, counts, vocab), folder, "table")
        save(gradient_picture(trace.gradient, vocab), folder, "gradient")
    return ["losses", "table", "gradient"]


def draw_run(
    folder: Path, result: TrainRecord, corpus: Corpus, table: NDArray[np.floating]
) -> list[str]:
    """``losses`` and ``table`` of a run of ``bigram train``. ``table``: (V, V) logits at its end.
    Returns their names.

    A resumed run has the losses since then; where it had ended before, there are none to draw.
    """
    counts = count_text_pairs(corpus.train, corpus.tokenizer.vocab_size)
    history = [{"step": row.step, result.backend: row._asdict()} for row in result.history]
    with style():
        if history:
            save(losses_picture(history, conditional_entropy(counts)), folder, "losses")
        save(table_picture(table, counts, corpus.tokenizer.vocab), folder, "table")
    return ["losses", "table"] if history else ["table"]


# --- the loss ----------------------------------------------------------------------------


def losses_picture(
    # the losses by side, "numpy" or "torch" or both, and split
    history: Sequence[Mapping[str, Any]],
    optimum: float,
    each_step: Sequence[tuple[float, float, float]] = (),  # ``Trace.losses``
) -> Figure:
    """The losses of both splits with the optimum as a line, and under it, where there are two
    models, how far apart their losses were at every step."""
    figure = new_figure(6.8 if each_step else 4.6)
    above, *below = (
        figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
        if each_step
        else [figure.subplots()]
    )
    steps = [row["step"] for row in history]
    looks: dict[tuple[str, str], dict[str, Any]] = {
        ("numpy", "train"): {"color": BLUE},
        ("torch", "train"): {
            "color": BLUE,
            "marker": "o",
            "markersize": 8,
            "markerfacecolor": "none",
        },
        ("numpy", "val"): {"color": RED, "linestyle": "--"},
        ("torch", "val"): {"color": RED, "marker": "x", "markersize": 5, "linestyle": "--"},
    }
    names = {"numpy": "NumPy", "torch": "torch", "train": "train", "val": "validation"}
    for (side, split), look in looks.items():
        if side in history[0]:
            if side == "torch" and "numpy" in history[0]:  # the other's line is under it
                look["linestyle"] = "none"
            losses = [row[side][split] for row in history]
            above.plot(steps, losses, linewidth=1.6, label=f"{names[side]}, {names[split]}", **look)
    # Not axhline, for which the axis would not make room.
    above.plot(
        [steps[0], steps[-1]], [optimum, optimum],
        color=BLACK, linestyle=":", linewidth=1.4, label="the least any table can reach on train",
    )  # fmt: skip
    above.set_title("Mean loss of each split, nats")
    for axes in below:
        differences_panel(axes, np.array(each_step))
    count_updates((below or [above])[-1])
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def differences_panel(axes: Axes, each_step: NDArray[np.floating]) -> None:
    """``each_step`` (steps, 3): NumPy's loss, torch's, and the most that they may differ by."""
    ours, theirs, bounds = each_step.T
    size = -(-len(bounds) // 100)  # one dot for each hundredth of the run
    starts = np.arange(0, len(bounds), size)
    largest = np.maximum.reduceat(differences(ours, theirs), starts)
    bound = np.minimum.reduceat(bounds, starts)
    ends = np.minimum(starts + size, len(bounds))
    seen = np.isfinite(largest) & (largest > 0)
    axes.set_yscale("log")
    axes.plot(ends, bound, color=BLACK, linewidth=1.4, label="bound of the difference")
    axes.plot(
        ends[seen], largest[seen], color=BLACK, linestyle="none", marker=".",
        label=f"largest difference in {size} updates" if size > 1 else "difference",
    )  # fmt: skip
    shown = np.log10(np.concatenate([bound[np.isfinite(bound)], largest[seen]]))
    if shown.size:  # whole powers of ten, which need no minor labels between them
        axes.set_ylim(10 ** np.floor(shown.min()), 10 ** (np.floor(shown.max()) + 1))
    axes.minorticks_off()
    absent = {"equal": largest == 0, "not finite": np.isinf(largest)}
    why = " or ".join(reason for reason, where in absent.items() if where.any())
    title = "Difference of the two models' losses of a batch, nats"
    axes.set_title(f"{title}; no dot: {why}" if why else title)


# --- tables ------------------------------------------------------------------------------


def table_picture(
    table: NDArray[np.floating], counts: NDArray[np.int64], vocab: Sequence[str]
) -> Figure:
    """The probabilities that the (V, V) table gives the next character, beside how often it really
    came."""
    n = counts.sum(axis=1, keepdims=True)
    # a table that ran away has no softmax, an unseen row no frequencies
    with np.errstate(invalid="ignore"):
        e = np.exp(table.astype(np.float64) - table.max(axis=1, keepdims=True))
        learned, counted = e / e.sum(axis=1, keepdims=True), counts / n
    chosen = np.sort(np.argsort(-n[:, 0], kind="stable")[:SIDE_BY_SIDE])
    figure = new_figure(4.9)
    panels = figure.subplots(1, 2, sharey=True)
    label = "probability"
    for axes, values, title in zip(
        panels, (learned, counted), ("learned: softmax of W", "counted: C / n"), strict=True
    ):
        image = show_table(axes, values[np.ix_(chosen, chosen)], [vocab[i] for i in chosen])
        axes.set_title(title)
        axes.set_xlabel("comes this character")
    panels[0].set_ylabel("after this one")
    if len(vocab) > SIDE_BY_SIDE:
        label += f"; the {SIDE_BY_SIDE} most frequent of {len(vocab)} characters"
    if not np.isfinite(learned + counted).all():
        label += "; hatched: none"
    figure.colorbar(image, ax=panels, location="bottom", shrink=0.5, aspect=40, label=label)
    return figure


def gradient_picture(fraction: NDArray[np.floating], vocab: Sequence[str]) -> Figure:
    """``fraction`` (V, V): the nearest that the two models' difference ever came to its bound."""
    figure = new_figure(8.4)
    axes = figure.subplots()
    # imshow leaves infinities out; 2 is as red.
    image = show_table(axes, np.where(fraction > 0, np.minimum(fraction, 2), np.nan), vocab)
    axes.set_title(
        "Gradient: largest difference of the two models in any step, in units of its bound"
    )
    axes.set_xlabel("target; hatched: never a difference")
    axes.set_ylabel("row of the table")
    figure.colorbar(image, ax=axes, location="bottom", shrink=0.6, aspect=40, extend="max")
    return figure


def show_table(axes: Axes, values: NDArray[np.floating], characters: Sequence[str]) -> AxesImage:
    """Values from 0 to 1 as colours, every character labelled if there is room, or every second,
    third ... NaN is hatched, and all above 1 is red."""
    import matplotlib

    colours = matplotlib.colormaps["Blues"].with_extremes(bad=(0, 0, 0, 0), over=RED)
    scale = matplotlib.colors.PowerNorm(0.5, 0, 1)
    image = axes.imshow(values, cmap=colours, norm=scale, interpolation="nearest")
    axes.patch.set(hatch="/////", edgecolor=GREY, linewidth=0)
    every = -(-len(characters) // PAGE_WIDE)
    labels = [visible(character) for character in characters[::every]]
    places = range(0, len(characters), every)
    size = 8 if len(characters) <= SIDE_BY_SIDE else 6.5
    axes.set_xticks(places, labels, fontsize=size, parse_math=False)
    axes.set_yticks(places, labels, fontsize=size, parse_math=False)
    for label in axes.get_xticklabels():
        label.set_rotation(90 if len(label.get_text()) > 2 else 0)
    axes.tick_params(length=0, pad=2)
    axes.spines[:].set_visible(False)
    axes.grid(False)
    return image
