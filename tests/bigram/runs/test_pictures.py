"""Proves that the pictures show the run's own numbers, in the same bytes each time, with nothing
cut or overlapping at any size of vocabulary, in colours that the colour-blind tell apart; and that
a folder that cannot be written to is found out before the training."""

import io
import itertools
import json
import os
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bigram import cli
from bigram.studies import falling_loss
from common.config import Config
from common.errors import UserError
from common.pairs import count_text_pairs
from common.text.corpus import Corpus, load_corpus
from impl_numpy import pair_counts
from tests.kit import ROOT, one_in
from tests.kit.command import bigram

matplotlib = pytest.importorskip("matplotlib")

from matplotlib.axes import Axes  # noqa: E402
from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.image import imread  # noqa: E402

from bigram import plot_style  # noqa: E402
from bigram.runs import pictures  # noqa: E402

FIGURES = ROOT / "docs" / "figures"
SHORT = ["--steps", "30", "--eval-interval", "10"]
TEXT = "abba cab "


@pytest.fixture
def text(tmp_path: Path) -> str:
    path = tmp_path / "text.txt"
    path.write_text(TEXT * 10, encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def committed() -> list[falling_loss.Curve]:
    return falling_loss.read_numbers((FIGURES / "falling-loss.csv").read_text(encoding="utf-8"))


def corpus_of(characters: str, tmp_path: Path, length: int = 3000) -> Corpus:
    """A random text of these characters, each more frequent than the next, and all of them at its
    start."""
    rng = np.random.default_rng(0)
    odds = 1 / np.arange(1, len(characters) + 1)
    drawn = rng.choice(list(characters), length, p=odds / odds.sum())
    path = tmp_path / "text.txt"
    path.write_text(characters + "".join(drawn), encoding="utf-8")
    return load_corpus(path)


def counts_of(corpus: Corpus) -> np.ndarray:
    return count_text_pairs(corpus.train, corpus.tokenizer.vocab_size)


def example(corpus: Corpus) -> tuple[Any, Any, Any, Any]:
    """A history, the losses of each step, a fraction of each bound and a table, as a run would give
    them."""
    V, rng = corpus.tokenizer.vocab_size, np.random.default_rng(0)
    history = []
    for step in range(0, 301, 100):
        losses = {"train": 4.5 - step / 200, "val": 4.6 - step / 210}
        history.append({"step": step, "numpy": losses, "torch": losses})
    each_step = [(3.0, 3.0 + 1e-7 * rng.integers(3), 1e-6) for _ in range(300)]
    return (
        history,
        each_step,
        rng.random((V, V)) ** 4,
        rng.standard_normal((V, V)).astype(np.float32),
    )


def image_values(axes: Axes) -> np.ndarray:
    """The numbers of the one image in ``axes``."""
    (image,) = axes.images
    array = image.get_array()
    assert array is not None
    return array


# --- what is drawn --------------------------------------------------------------------------------


def test_losses_are_those_of_the_history(tmp_path: Path) -> None:
    history, each_step, _, _ = example(corpus_of("abc", tmp_path))
    with plot_style.style():
        figure = pictures.losses_picture(history, 1.25, each_step)
    above, below = figure.axes
    drawn: dict[Any, Any] = {line.get_label(): line for line in [*above.lines, *below.lines]}
    for side, split, label in [
        ("numpy", "train", "NumPy, train"),
        ("numpy", "val", "NumPy, validation"),
        ("torch", "train", "torch, train"),
        ("torch", "val", "torch, validation"),
    ]:
        expected = [[row["step"], row[side][split]] for row in history]
        assert drawn[label].get_xydata().tolist() == expected
    assert set(drawn["the least any table can reach on train"].get_ydata()) == {1.25}
    low, high = above.get_ylim()
    assert low < 1.25 < high
    # Of every three steps the largest difference; none where the two are equal.
    difference = [max(abs(b - a) for a, b, _ in each_step[i : i + 3]) for i in range(0, 300, 3)]
    dots = drawn["largest difference in 3 updates"].get_xydata()
    assert dots.tolist() == [[3 * i + 3, d] for i, d in enumerate(difference) if d > 0]
    assert 0 < len(dots) < 100
    assert below.get_title("left").endswith("no dot: equal")
    assert set(drawn["bound of the difference"].get_ydata()) == {1e-6}
    assert below.get_yscale() == "log"


def test_a_run_of_one_model_has_only_its_losses(tmp_path: Path) -> None:
    history = [
        {"step": 0, "torch": {"train": 4.0, "val": 4.1}},
        {"step": 1, "torch": {"train": 3.0, "val": 3.1}},
    ]
    with plot_style.style():
        (axes,) = pictures.losses_picture(history, 2.0).axes
    drawn = [np.asarray(line.get_ydata()).tolist() for line in axes.lines]
    assert drawn == [[4.0, 3.0], [4.1, 3.1], [2.0, 2.0]]


def test_a_run_resumed_at_its_end_has_a_table_and_no_losses(text: str, tmp_path: Path) -> None:
    command = [
        "train",
        "--backend",
        "numpy",
        "--corpus",
        text,
        *SHORT,
        "--out",
        str(tmp_path / "run"),
    ]
    assert cli.main(command) == 0
    folder = tmp_path / "pictures"
    resume = [
        "train",
        "--backend",
        "numpy",
        "--corpus",
        text,
        "--out",
        str(tmp_path / "run"),
        "--resume",
    ]
    assert cli.main([*resume, "--plot", str(folder)]) == 0
    assert set(read_all(folder)) == {"table.png", "table.svg"}


def test_tables_are_the_softmax_and_the_frequencies(tmp_path: Path) -> None:
    corpus = corpus_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJ", tmp_path)
    _, _, fraction, W = example(corpus)
    vocab, counts = corpus.tokenizer.vocab, counts_of(corpus)
    with plot_style.style():
        left, right = pictures.table_picture(W, counts, vocab).axes[:2]
        whole = pictures.gradient_picture(fraction, vocab).axes[0]
    labels = [label.get_text() for label in left.get_xticklabels()]
    frequent = sorted(
        Counter(corpus.tokenizer.decode(corpus.train[:-1])).items(), key=lambda item: -item[1]
    )
    assert labels == sorted(character for character, _ in frequent[:30])
    at = [corpus.tokenizer.stoi[label] for label in labels]
    p = np.exp(W) / np.exp(W).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(image_values(left), p[np.ix_(at, at)], rtol=1e-6)
    frequencies = counts / counts.sum(axis=1, keepdims=True)
    np.testing.assert_array_equal(image_values(right), frequencies[np.ix_(at, at)])
    np.testing.assert_array_equal(image_values(whole), fraction)
    assert [label.get_text() for label in whole.get_yticklabels()] == list(vocab)


def test_what_is_over_its_bound_is_red_and_what_never_differs_is_neither(tmp_path: Path) -> None:
    fraction = np.array([[0.0, 0.5], [1.5, np.inf]])
    with plot_style.style():
        axes = pictures.gradient_picture(fraction, "ab").axes[0]
    red = matplotlib.colors.to_rgba(plot_style.RED)
    colours = axes.images[0].to_rgba(image_values(axes))
    assert colours[0, 0, 3] == 0  # the hatching shows through
    assert tuple(colours[1, 0]) == tuple(colours[1, 1]) == red
    assert colours[0, 1, 2] > colours[0, 1, 0]  # blue


@pytest.mark.parametrize(
    ("character", "label"),
    [(" ", "␣"), ("\n", "\\n"), ("\t", "\\t"), ("$", "$"),
    ("\\", "\\"), ("é", "é"), ("中", "\\u4e2d"),
     ("\u0301", "\\u0301"), ("\u200b", "\\u200b"), ("\xa0", "\\xa0"), ("𝄞", "\\U0001d11e")],
)  # fmt: skip
def test_every_character_has_a_label_that_can_be_seen(character: str, label: str) -> None:
    assert plot_style.visible(character) == label


# --- how it looks ---------------------------------------------------------------------------------


def texts(figure: Figure) -> list[tuple[str, Any]]:
    """Every text that is drawn, and the pixels it takes."""
    plot_style.settle(figure)
    renderer = FigureCanvasAgg(figure).get_renderer()
    ticks, shown = set(), set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            ticks |= {
                label for tick in axis.get_major_ticks() for label in (tick.label1, tick.label2)
            }
            low, high = sorted(axis.get_view_interval())
            shown |= {
                tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high
            }
            shown |= {
                tick.label2 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high
            }
    return [
        (text.get_text(), text.get_window_extent(renderer))
        for text in figure.findobj(matplotlib.text.Text)
        if text.get_visible() and text.get_text() and (text in shown or text not in ticks)
    ]


def assert_legible(figure: Figure) -> None:
    """All texts are inside, and none lies on another by more than the empty rim of its box."""
    found = texts(figure)
    width, height = figure.bbox.width, figure.bbox.height
    assert width == 800
    assert len(found) > 3
    for text, box in found:
        assert min(box.x0, box.y0, width - box.x1, height - box.y1) >= 0, (text, box)
    for (one, a), (other, b) in itertools.combinations(found, 2):
        across, up = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        assert across <= 1.5 or up <= 2, (one, other, across, up)


@pytest.mark.parametrize("V", one_in(3, [65, 1, 200]))
def test_nothing_is_cut_or_overlaps(V: int, tmp_path: Path) -> None:
    wide = "\n !m$W" + "".join(map(chr, [*range(0x61, 0x7F), *range(0xA1, 0x180)]))
    corpus = corpus_of("".join(dict.fromkeys(wide))[:V], tmp_path)
    history, each_step, fraction, W = example(corpus)
    vocab, counts = corpus.tokenizer.vocab, counts_of(corpus)
    with plot_style.style():
        assert_legible(pictures.gradient_picture(fraction, vocab))
        if V < 200:
            assert_legible(pictures.table_picture(W, counts, vocab))
        if V == 1:
            assert_legible(pictures.losses_picture(history, 2.0, each_step))


def test_text_that_overlaps_is_found() -> None:
    with plot_style.style():
        figure = plot_style.new_figure(2)
        axes = figure.subplots()
        axes.text(0.5, 0.5, "one")
        axes.text(0.52, 0.5, "other")
        with pytest.raises(AssertionError, match="one"):
            assert_legible(figure)
        axes.texts[1].set_position((3, 0.5))
        axes.texts[1].set_in_layout(False)
        with pytest.raises(AssertionError, match="other"):
            assert_legible(figure)


# Machado, Oliveira and Fernandes 2009: what linear RGB becomes without one kind of cone.
WITHOUT_A_CONE = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def lightness_and_hue(rgb: np.ndarray) -> np.ndarray:
    """CIELAB of linear RGB, (n, 3): equal distances look about equally far apart."""
    xyz = np.clip(rgb, 0, 1) @ np.array(
        [[0.4124, 0.2126, 0.0193], [0.3576, 0.7152, 0.1192], [0.1805, 0.0722, 0.9505]]
    )
    f = np.cbrt(np.maximum(xyz / [0.9505, 1, 1.089], 0.008856))
    return np.stack(
        [116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1
    )


@pytest.mark.parametrize("kind", WITHOUT_A_CONE)
def test_colours_stay_apart_for_the_colour_blind(kind: str) -> None:
    together = [plot_style.BLUE, plot_style.SKY, plot_style.RED, plot_style.BLACK, "#ffffff"]
    srgb = np.array([matplotlib.colors.to_rgb(colour) for colour in together])
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = lightness_and_hue(linear @ np.transpose(WITHOUT_A_CONE[kind]))
    distance = np.linalg.norm(seen[:, None] - seen, axis=2)
    assert distance[~np.eye(len(seen), dtype=bool)].min() > 20  # 2 is said to be noticed
    # And the tables' colours get darker all the way.
    ramp = matplotlib.colormaps["Blues"](np.linspace(0, 1, 32))[:, :3]
    assert (
        np.diff(lightness_and_hue(ramp**2.2 @ np.transpose(WITHOUT_A_CONE[kind]))[:, 0]) < 0
    ).all()


# --- files ----------------------------------------------------------------------------------------


def read_all(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.slow
def test_two_runs_draw_the_same_bytes_whatever_the_readers_settings(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", "--backend", "numpy", "--corpus", text, *SHORT, "--plot"]
    folder = tmp_path / "a" / "new"
    result = bigram(*command, str(folder))
    written = f"bigram: drew losses, table in {folder}, each as SVG and PNG\n"
    assert (result.returncode, result.stderr) == (0, written)
    monkeypatch.setitem(matplotlib.rcParams, "font.size", 23.0)
    monkeypatch.setitem(matplotlib.rcParams, "savefig.transparent", True)
    assert cli.main([*command, str(tmp_path / "b")]) == 0
    assert capsys.readouterr().out.startswith("corpus    text.txt")
    assert matplotlib.rcParams["font.size"] == 23.0  # and the reader keeps them
    first, second = read_all(tmp_path / "a" / "new"), read_all(tmp_path / "b")
    assert set(first) == {"losses.png", "losses.svg", "table.png", "table.svg"}
    assert first == second


def test_compare_hands_over_what_its_pictures_show(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    from bigram.runs import compare as module

    monkeypatch.setattr(
        module, "microseconds_per_step", lambda *args, **kwargs: module.Pair(1.0, 1.0)
    )
    command = ["compare", "--corpus", text, *SHORT, "--dtype", "float64", "--json"]
    assert cli.main(command) == 0
    without = capsys.readouterr().out
    trace = module.Trace()
    monkeypatch.setattr(module, "Trace", lambda: trace)
    folder = tmp_path / "pictures"
    assert cli.main([*command, "--plot", str(folder)]) == 0
    written = f"bigram: drew losses, table, gradient in {folder}, each as SVG and PNG\n"
    assert capsys.readouterr() == (without, written)  # watching changes nothing
    result, corpus = json.loads(without), load_corpus(text)

    assert len(trace.losses) == 30
    largest = max(abs(ours - theirs) for ours, theirs, _ in trace.losses)
    assert 0 < largest <= result["agreement"]["loss_max_abs"]
    assert trace.gradient.shape == (corpus.tokenizer.vocab_size,) * 2
    assert trace.gradient.max() == result["agreement"]["fraction_of_bound"]["gradient"]
    last = pair_counts.loss_of_counts(trace.table, counts_of(corpus))
    assert last == result["history"][-1]["numpy"]["train"]

    names = {
        f"{name}.{kind}" for name in ("losses", "table", "gradient") for kind in ("svg", "png")
    }
    assert set(read_all(folder)) == names
    for path in folder.glob("*.png"):
        pixels = imread(path)
        assert pixels.shape[1] == 800
        assert (pixels[:3] == 1).all(), path  # opaque white, on a dark page too
    for path in folder.glob("*.svg"):
        svg = path.read_text(encoding="utf-8")
        assert "<text" not in svg  # letters are outlines: no font is needed
        assert not re.search(r"20\d\d-\d\d|Matplotlib v", svg)


@pytest.mark.parametrize("command", [["compare"], ["train", "--backend", "numpy"]])
def test_a_folder_that_cannot_be_written_is_found_out_first(
    command: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        cli.main([*command, "--corpus", text, "--steps", "1000000", "--plot", f"{text}/pictures"])
        == 2
    )
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(
        r"bigram: cannot write to .*pictures: .*; give --plot another folder\n", err
    )


def test_without_matplotlib_one_line_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.delattr(matplotlib, "figure")
    with pytest.raises(
        UserError, match=r"^matplotlib is not installed; pip install matplotlib, or leave"
    ):
        plot_style.make_folder(str(tmp_path / "new"))
    assert not (tmp_path / "new").exists()


def test_a_file_is_replaced_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "losses.svg"
    plot_style.write(path, b"old")
    (tmp_path / "link").hardlink_to(path)
    plot_style.write(path, b"new")
    # another file took its place
    assert read_all(tmp_path) == {"losses.svg": b"new", "link": b"old"}

    def full(descriptor: int) -> None:
        os.ftruncate(descriptor, 1)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        UserError, match=r"losses\.svg: No space left on device; give --plot another folder"
    ):
        plot_style.write(path, b"newer")
    monkeypatch.undo()
    assert read_all(tmp_path) == {"losses.svg": b"new", "link": b"old"}


def test_a_run_that_ran_away_is_still_drawn(tmp_path: Path) -> None:
    corpus, nan = corpus_of("abc", tmp_path), float("nan")
    history = [
        {"step": step, "numpy": {"train": loss, "val": loss}}
        for step, loss in enumerate([4.0, np.inf, nan])
    ]
    each_step = [(4.0, 4.0, 1e-6), (np.inf, np.inf, np.inf), (nan, nan, nan)]
    with plot_style.style():
        plot_style.settle(pictures.losses_picture(history, 1.0, each_step))
        table = pictures.table_picture(np.full((3, 3), nan), counts_of(corpus), "abc")
        plot_style.settle(table)
    assert table.axes[2].get_xlabel() == "probability; hatched: none"


# --- the picture of all mistakes ------------------------------------------------------------------


def test_the_falling_loss_picture_is_legible_and_drawn_from_its_numbers(
    committed: list[falling_loss.Curve],
) -> None:
    with plot_style.style():
        figure, drawn = falling_loss.picture(committed, falling_loss.optimum()), io.StringIO()
        assert_legible(figure)
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    pinned = (FIGURES.parent.parent / "constraints.txt").read_text(encoding="utf-8")
    if f"matplotlib=={matplotlib.__version__}\n" not in pinned:
        pytest.skip("another matplotlib draws other strokes")
    old, new = (
        # Ids are hashes of numbers down to the last bit, and those may differ from machine to
        # machine.
        re.sub(r"\b[mp][0-9a-f]{10}\b", "", svg)
        for svg in ((FIGURES / "falling-loss.svg").read_text(encoding="utf-8"), drawn.getvalue())
    )
    number = re.compile(r"-?\d+\.\d+")
    assert number.sub("#", old) == number.sub("#", new)
    np.testing.assert_allclose(
        [*map(float, number.findall(old))], [*map(float, number.findall(new))], rtol=0, atol=0.01
    )


def assert_curves(
    found: list[falling_loss.Curve], committed: list[falling_loss.Curve], points: int
) -> None:
    assert [(curve.wrong, curve.name) for curve in found] == [
        (curve.wrong, curve.name) for curve in committed
    ]
    for curve, expected in zip(found, committed, strict=True):
        assert curve.losses == pytest.approx(expected.losses[:points], rel=1e-3), curve.name


@pytest.mark.slow
def test_the_falling_loss_figures_are_those_of_the_catalogue(
    committed: list[falling_loss.Curve],
) -> None:
    """As far as that is cheap: to the first point of each curve after its start."""
    config = Config(max_iters=falling_loss.EVERY)
    assert_curves(list(falling_loss.curves(falling_loss.CATALOGUE, config)), committed, 2)


def test_the_page_counts_the_falling_losses_right(committed: list[falling_loss.Curve]) -> None:
    right, *others = committed
    how = {
        wrong: Counter(
            falling_loss.how_it_ends(curve, right) for curve in others if curve.wrong == wrong
        )
        for wrong in ("gradient", "AdamW")
    }
    (all_gradients, fall, same), (adamws, fall_too, same_too) = (
        (counts.total(), counts["same"] + counts["falls"], counts["same"])
        for counts in how.values()
    )
    readme = " ".join((FIGURES.parent / "tolerances.md").read_text(encoding="utf-8").split())
    assert (
        f"Of the catalogue's {all_gradients} wrong gradients {fall} make the loss fall, {same} of "
        f"them to within {falling_loss.SAME} nats of the right one; of its {adamws} wrong AdamWs "
        f"{fall_too} and {same_too} "
    ) in readme


@pytest.mark.slow
def test_the_falling_loss_figures_are_those_of_the_catalogue_to_the_end(
    committed: list[falling_loss.Curve],
) -> None:
    assert_curves(list(falling_loss.curves(falling_loss.CATALOGUE, Config())), committed, 51)


def test_the_falling_loss_command_reports_a_bad_folder_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["falling_loss", "--plot", f"{__file__}/pictures"])
    with pytest.raises(SystemExit) as stopped:
        falling_loss.main()
    assert stopped.value.code == 2
    assert capsys.readouterr().err.startswith(
        "python -m bigram.studies.falling_loss: cannot write to "
    )
