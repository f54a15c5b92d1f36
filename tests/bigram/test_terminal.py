"""Proves that reports fit 80 columns, in colour on a terminal and plain in a pipe; that the bar
names steps and time left; and that a long run says how long it will be, once, and a short one does
not."""

import re
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from bigram.runs.records import SAMPLE_LENGTH
from bigram.runs.report import evaluation_line
from bigram.terminal import WIDTH, foretell, labelled, table_text
from tests.kit import one_in
from tests.kit.terminal import at_terminal

TEXT = "To be, or not to be: that is the question. "  # no line end, so a sample is one line
WRONG = "def wrong(W, idx, targets):\n    return float('nan'), W * float('nan')\n"
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals on Windows")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files with short names, so that no path makes a line long."""
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    (tmp_path / "mine.py").write_text(WRONG, encoding="utf-8")
    monkeypatch.chdir(tmp_path)


SHORT = ["--corpus", "text.txt", "--steps", "20", "--eval-interval", "10"]
REPORTS = [
    ["train", "--backend", "numpy", *SHORT],
    ["compare", *SHORT],
    ["optimum", "--corpus", "text.txt"],
    ["check", "mine.py:wrong"],
    *([name, "--help"] for name in ("train", "compare", "optimum", "generate", "check", "explain")),
]


@pytest.mark.parametrize("command", REPORTS, ids=" ".join)
def test_every_line_of_a_report_fits_80_columns(command: list[str], bigram_here: Callable) -> None:
    if command[0] == "compare":
        pytest.importorskip("torch")
    printed = bigram_here(*command).stdout
    report = [line for line in printed.splitlines() if len(line) != SAMPLE_LENGTH]
    assert len(report) >= 4
    assert [line for line in report if len(line) > WIDTH] == []


def test_a_table_wraps_its_cells_at_80_columns() -> None:
    lines = table_text(["", "name"], [["row", "a word " * 20]]).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert " ".join(lines).split().count("word") == 20


def test_a_labelled_line_wraps_under_its_text_and_keeps_addresses_whole() -> None:
    assert labelled("mend", "Divide by N.") == "mend      Divide by N."
    first, second = labelled("mend", "word " * 20).split("\n")
    assert len(first) <= WIDTH
    assert second.startswith(" " * 10 + "word")
    assert "x" * 200 in labelled("source", "x" * 200)


@POSIX
@pytest.mark.parametrize("no_color", one_in(2, ["", "1"]))
def test_a_verdict_has_colour_on_a_terminal_and_labels_have_weight(no_color: str) -> None:
    command = [sys.executable, "-m", "bigram", "check", "mine.py:wrong"]
    process, printed, _ = at_terminal(command, "stdout", NO_COLOR=no_color)
    assert process.returncode == 1
    assert b"\x1b[1msubject\x1b[0m   mine.py:wrong" in printed
    assert (b"\x1b[1;31mwrong: " in printed) == (not no_color)
    assert (b"\x1b[1mwrong: " in printed) == bool(no_color)


def test_a_pipe_gets_no_colour(bigram_here: Callable) -> None:
    printed = bigram_here("check", "mine.py:wrong").stdout
    assert "wrong: " in printed
    assert "\x1b" not in printed


@POSIX
def test_the_bar_names_steps_and_time_left() -> None:
    command = [sys.executable, "-m", "bigram", "train", "--backend", "numpy", *SHORT]
    _, bar, _ = at_terminal(command, "stderr")
    plain = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", bar.decode())
    assert re.search(r"training .*20/20 steps, [\d:-]+ left", plain)


def test_one_step_is_reported_in_the_singular(bigram_here: Callable) -> None:
    printed = bigram_here(
        "train", "--backend", "numpy", "--corpus", "text.txt", "--steps", "1"
    ).stdout
    assert "\ntraining  1 step of 32 x 8 tokens" in printed


def test_a_loss_that_is_rounded_to_zero_has_no_sign() -> None:
    assert evaluation_line(0, -1e-9, -0.0) == "step      0   train 0.0000   val 0.0000"


def test_the_version_is_that_of_the_package(bigram_here: Callable) -> None:
    # without it the tests run from the folder, and nothing is installed
    pytest.importorskip("torch")
    assert bigram_here("--version").stdout == f"bigram {version('bigram')}\n"


def test_the_help_of_check_shows_shapes_an_example_and_the_constructor(
    bigram_here: Callable,
) -> None:
    printed = bigram_here("check", "--help").stdout
    assert "dW       (V, V) array" in printed
    assert "idx      (B, T) array" in printed
    assert "\n    bigram check mine.py:loss_and_gradient\n" in printed
    assert "def __init__(self, W, lr, betas, eps, weight_decay)" in printed


@pytest.mark.parametrize(
    ("seconds_a_step", "said"),
    [
        (0.0001, []),
        (0.01, []),  # 5,000 steps take 50 seconds
        (0.1, ["5,000 steps will take about 9 more minutes"]),
        (60, ["5,000 steps will take about 4,998 more minutes"]),
    ],
)
def test_a_long_run_says_how_long_it_will_be_and_once(
    seconds_a_step: float, said: list[str]
) -> None:
    lines: list[str] = []
    now = 0.0
    on_step = foretell(5000, lines.append, clock=lambda: now)
    on_step(0)
    now = 1000.0  # the first step is slower than those that follow, and does not count
    for step in range(1, 5001):
        on_step(step)
        now += seconds_a_step
    assert lines == said
