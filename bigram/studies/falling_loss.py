"""The loss curve under each mistake of the catalogue. Most curves look right.

AdamW divides each gradient by its own running size, so it hardly notices a wrong scale, and even a
gradient that has lost most of its terms still points downhill. The published schedule is trained
once with the right code and once with each mistake.

    python -m bigram.studies.falling_loss              how wrong some gradients are, and their ends
    python -m bigram.studies.falling_loss --plot DIR   the whole catalogue: a picture, its numbers
"""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bigram import plot_style
from bigram.doctor.mistakes import gradients, optimizers
from bigram.doctor.mistakes.gradients import Mistake
from bigram.plot_style import BLACK, BLUE, GREY, RED, SKY
from bigram.studies.mistakes import GRADIENTS, OPTIMIZERS
from bigram.terminal import table_text
from common.arrays import Ids
from common.batcher import Batcher
from common.config import Config
from common.errors import UserError
from common.pairs import conditional_entropy, count_text_pairs
from common.text.corpus import surrogate_corpus
from common.training import initial_table
from impl_numpy import pair_counts
from impl_numpy.adamw import AdamW

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


SHOWN = [
    "sum instead of mean",
    "off by a factor of V",
    "log base 2",
    "averaged over repeated ids",
    "repeated ids lost",
]
LENGTHS = (5_000, 20_000)  # updates: the published schedule, and four times as many
HEADINGS = ["", "error of dW", *(f"at {length:,} updates" for length in LENGTHS)]
CATALOGUE = [None, *GRADIENTS, *OPTIMIZERS]
EVERY = 100  # updates between two points of a curve
SAME = 0.02  # nats: curves that end no further apart look the same
LABELLED = {
    "gradient": [
        "sign flipped",
        "transposed",
        "one-hot not subtracted",
        "inputs and targets swapped",
        "weight decay in the gradient",
        "only the target's entry",
        "softmax taken twice",
        "repeated ids lost",
        "accumulated across calls",
        "sum instead of mean",
        "averaged over repeated ids",
    ],
    "AdamW": [
        "second moment never kept",
        "uphill",
        "betas swapped",
        "gradient not squared",
        "decay not times lr",
        "t never raised",
        "root left out",
        "lazy rows",
        "no bias correction",
        "gradient not damped",
    ],
}


class Curve(NamedTuple):
    """One run of the schedule."""

    wrong: str  # "gradient" or "AdamW"; "" where nothing is
    name: str  # of the mistake, or "right"
    losses: list[float]  # the exact training loss, in nats, after 0, EVERY, 2 EVERY ... updates
    error: float = 0.0  # |wrong - right| / |right| of the first gradient, in the Euclidean norm


def curves(planted: Iterable[Mistake | None], config: Config) -> Iterator[Curve]:
    """One run on the surrogate for each mistake, and a right one for each ``None``."""
    corpus = surrogate_corpus()
    V = corpus.tokenizer.vocab_size
    split = count_text_pairs(corpus.train, V)
    rng = np.random.default_rng(config.seed)
    table = initial_table(V, config.dtype, rng)
    batcher = Batcher(corpus.train, config.batch_size, config.block_size, rng)
    batches = [batcher.get_batch() for _ in range(config.max_iters)]  # the same for all: drawn once
    right = right_gradient(table, *batches[0])
    for mistake in planted:
        wrong = ""
        gradient: Callable[[NDArray[np.floating], Ids, Ids], NDArray[np.floating]] = right_gradient
        optimizer_class: Any = AdamW
        if mistake in OPTIMIZERS:
            wrong, optimizer_class = "AdamW", optimizers.build([mistake])
        elif mistake:
            wrong, gradient = "gradient", gradients.build_without_loss([mistake])
        W, error, losses = table.copy(), 0.0, [pair_counts.loss_of_counts(table, split)]
        optimizer = optimizer_class(W, config.lr, config.betas, config.eps, config.weight_decay)
        for step, batch in enumerate(batches, start=1):
            with np.errstate(all="ignore"):  # some run away
                dW = gradient(W, *batch)
                optimizer.step(W, dW)
            if step == 1:
                error = float(np.linalg.norm(dW - right) / np.linalg.norm(right))
            if step % EVERY == 0:
                losses.append(pair_counts.loss_of_counts(W, split))
        yield Curve(wrong, mistake.name if mistake else "right", losses, error)


def right_gradient(W: NDArray[np.floating], idx: Ids, targets: Ids) -> NDArray[np.floating]:
    """dW of a batch, as it should be."""
    return pair_counts.loss_and_gradient(W, idx, targets)[1]


def rows(lengths: Sequence[int] = LENGTHS) -> Iterator[list[str]]:
    """For the right gradient and each of ``SHOWN``: its name, the error of the first gradient, and
    the exact training loss after so many updates. One run gives them all."""
    by_name = {mistake.name: mistake for mistake in GRADIENTS}
    planted = [None, *(by_name[name] for name in SHOWN)]
    for curve in curves(planted, Config(max_iters=max(lengths))):
        losses = (curve.losses[length // EVERY] for length in lengths)
        yield [curve.name, f"{curve.error:,.0%}", *(f"{loss:.4f}" for loss in losses)]


def optimum() -> float:
    """The least training loss that any table can have on the surrogate, in nats."""
    corpus = surrogate_corpus()
    return conditional_entropy(count_text_pairs(corpus.train, corpus.tokenizer.vocab_size))


# --- the numbers and the picture ------------------------------------------------------------------


def numbers(found: Iterable[Curve]) -> str:
    """The losses as CSV, one curve a line: "gradient" or "AdamW", the mistake, losses to six
    digits."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    for curve in found:
        lines.writerow([curve.wrong, curve.name, *(f"{loss:.6g}" for loss in curve.losses)])
    return text.getvalue()


def read_numbers(text: str) -> list[Curve]:
    """The curves of ``numbers``, to six digits."""
    return [
        Curve(wrong, name, [float(loss) for loss in losses])
        for wrong, name, *losses in csv.reader(io.StringIO(text))
    ]


def draw(folder: Path, found: Sequence[Curve]) -> None:
    """``falling-loss`` in SVG and PNG. ``found``: the right one first."""
    with plot_style.style():
        plot_style.save(picture(found, optimum()), folder, "falling-loss")


def picture(found: Sequence[Curve], least: float) -> Figure:
    """The curves of all mistakes, wrong gradients above and wrong AdamWs below. ``least``: the
    optimum."""
    right, *planted = found
    steps = EVERY * np.arange(len(right.losses))
    looks: dict[str, dict[str, Any]] = {  # in the order that they are drawn in
        "rises": {
            "color": RED,
            "linewidth": 0.9,
            "linestyle": "--",
            "label": "ends higher than it started",
        },
        "falls": {"color": BLUE, "linewidth": 0.9, "label": "falls to somewhere else"},
        "right": {"color": BLACK, "linewidth": 5, "label": "nothing wrong"},
        "same": {"color": SKY, "linewidth": 1.4, "label": f"ends within {SAME} nats of it"},
    }
    figure = plot_style.new_figure(8.2)
    panels = figure.subplots(2, 1, sharex=True, sharey=True)
    for axes, wrong in zip(panels, LABELLED, strict=True):
        of_this = [curve for curve in planted if curve.wrong == wrong]
        hows = [how_it_ends(curve, right) for curve in of_this]
        for how, look in looks.items():
            group = [curve for curve, its in zip(of_this, hows, strict=True) if its == how]
            group = [right] if how == "right" else group
            axes.plot(steps, np.transpose([curve.losses for curve in group]), **look)
        same, fall = hows.count("same"), len(hows) - hows.count("rises")
        axes.set_title(
            f"{len(hows)} wrong {wrong}s: {fall} make the loss fall, "
            f"{same} of them to within {SAME} nats of the right one"
        )
        axes.axhline(
            least, color=BLACK, linestyle=":", linewidth=1, label="the least any table can reach"
        )
        axes.set_ylabel("training loss, nats")
        axes.set_xlim(0, steps[-1])
        axes.set_ylim(2.3, 5.2)
        label_ends(axes, [right, *(curve for curve in of_this if curve.name in LABELLED[wrong])])
    plot_style.count_updates(panels[-1])
    shown = dict(zip(*reversed(panels[0].get_legend_handles_labels()), strict=True))  # one of each
    figure.legend(shown.values(), shown.keys(), loc="outside lower center", ncols=3)
    return figure


def how_it_ends(curve: Curve, right: Curve) -> str:
    """The "same" as the right one, or else it "falls" or "rises"."""
    if abs(curve.losses[-1] - right.losses[-1]) <= SAME:
        return "same"
    return "falls" if curve.losses[-1] < curve.losses[0] else "rises"


def label_ends(axes: Axes, labelled: Sequence[Curve]) -> None:
    """Names and last losses beside where curves end, moved apart where they would overlap; in red
    and with an arrow upwards where that is above the picture."""
    low, high = axes.get_ylim()
    beside: Any = axes.get_yaxis_transform()  # across in units of the picture, up in nats
    ordered = sorted(labelled, key=lambda curve: curve.losses[-1])
    ends = np.clip([curve.losses[-1] for curve in ordered], low, high)
    for curve, end, place in zip(ordered, ends, spread(ends, 0.15, low, high - 0.06), strict=True):
        last = curve.losses[-1]
        if last > high:
            name, colour = f"{curve.name} ↑ {last:,.0f}", RED
        else:
            name, colour = f"{curve.name} {last:.2f}", BLACK
            thin: dict[str, Any] = {"color": GREY, "linewidth": 0.6, "clip_on": False}
            axes.plot([1, 1.035], [end, place], transform=beside, **thin)
        weight = "normal" if curve.wrong else "bold"
        look: dict[str, Any] = {"fontsize": 8, "color": colour, "weight": weight}
        axes.text(1.04, place, name, transform=beside, va="center", **look)


def spread(
    wanted: NDArray[np.floating], gap: float, low: float, high: float
) -> NDArray[np.floating]:
    """Heights for labels: ``gap`` apart or more, from ``low`` to ``high``, each as near to its
    ``wanted`` height (sorted) as its neighbours allow. They overlap where there is no room for
    all."""
    places = wanted.copy()
    for _ in range(1000):
        push = np.maximum(gap - np.diff(places), 0) / 2
        places[:-1] -= push
        places[1:] += push
        places = np.clip(places, low, high)
    return places


def main() -> None:
    """The command line; see above."""
    parser = argparse.ArgumentParser(prog="python -m bigram.studies.falling_loss")
    parser.add_argument(
        "--plot", metavar="DIR", help="falling-loss.svg, .png and .csv of the whole catalogue"
    )
    args = parser.parse_args()
    if args.plot is None:
        print(table_text(HEADINGS, rows()))
        return
    try:
        folder = plot_style.make_folder(args.plot)
        text = numbers(curves(CATALOGUE, Config()))
        plot_style.write(folder / "falling-loss.csv", text.encode("utf-8"))
        draw(folder, read_numbers(text))  # as read, so that the picture is that of the file
    except UserError as error:
        parser.exit(2, f"{parser.prog}: {error}\n")


if __name__ == "__main__":
    main()
