"""The terminal: results on stdout, progress bars and notices on stderr, tables as plain text."""

from __future__ import annotations

import contextlib
import math
import os
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from common.text.corpus import OnProgress

WIDTH = 80  # columns that every report fits, apart from a path or an address longer than that

# The style of a report's lines on a terminal: the label at the start, the verdict, the head of a
# table.
STYLES = {
    r"^(agree|correct): .*": "bold green",
    r"^(differ|wrong): .*": "bold red",
    r"^(corpus|source|sha256|training|optimum|speed|vacuous|trained|pairs)(?= )": "bold",
    r"^(subject|worst|stopped|mistake|mend|not tried)(?= )": "bold",
}


@contextlib.contextmanager
def reading_bar() -> Iterator[OnProgress]:
    """Yields a function that is told how far a large text is read. One bar on stderr for each pass,
    with the speed, if stderr is a terminal."""
    if not sys.stderr.isatty():
        yield lambda doing, done, total: None
        return
    from rich import progress
    from rich.console import Console

    size, speed = progress.DownloadColumn(), progress.TransferSpeedColumn()
    left = progress.TimeRemainingColumn()
    columns = ("{task.description}", progress.BarColumn(), size, speed, left)
    tasks: dict[str, progress.TaskID] = {}
    with progress.Progress(*columns, console=Console(stderr=True), transient=True) as bar:

        def on_progress(doing: str, done: int, total: int) -> None:
            if doing not in tasks:
                tasks[doing] = bar.add_task(doing, total=total)
            bar.update(tasks[doing], completed=done)

        yield on_progress


@contextlib.contextmanager
def progress_bar(steps: int) -> Iterator[Callable[[int], object]]:
    """Yields a function that is told the updates made. The bar is on stderr, if that is a
    terminal."""
    if not sys.stderr.isatty():
        yield lambda step: None
        return
    from rich import progress
    from rich.console import Console

    count, left = progress.MofNCompleteColumn(), progress.TimeRemainingColumn()
    columns = ("training", progress.BarColumn(), count, "steps,", left, "left")
    # rich keeps lines that are printed meanwhile clear of the bar, but sends them to stderr: so
    # only where both are the terminal.
    both = sys.stdout.isatty()
    console = Console(stderr=True)
    with progress.Progress(*columns, console=console, transient=True, redirect_stdout=both) as bar:
        task = bar.add_task("training", total=steps)
        yield lambda step: bar.update(task, completed=step)


def foretell(
    steps: int, say: Callable[[str], object], clock: Callable[[], float] = time.monotonic
) -> Callable[[int], None]:
    """A function that is told the updates made. Three seconds after the first update, which is
    slower than those that follow, it says how long the rest will take, if that is a minute or more.
    """
    first: float | None = None
    said = False

    def on_step(step: int) -> None:
        nonlocal first, said
        if step == 0 or said:
            return
        now = clock()
        if first is None:
            first = now
        elif now - first >= 3:
            said = True
            left = (steps - step) * (now - first) / (step - 1)
            if left >= 60:
                say(
                    f"{steps:,} steps will take about {plural(math.ceil(left / 60), 'more minute')}"
                )

    return on_step


def print_lines(lines: Iterable[str]) -> None:
    """Lines of a report on stdout, flushed one by one; on a terminal in colour, unless $NO_COLOR is
    set."""
    if not sys.stdout.isatty():
        for line in lines:
            print(line, flush=True)
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(soft_wrap=True, highlight=False)
    for line in lines:
        text = Text(line)
        for pattern, style in STYLES.items():
            text.highlight_regex(f"(?m){pattern}", style)
        console.print(text)


def notice(line: str, prog: str = "bigram") -> None:
    """One line on stderr. Where even that cannot be written, nothing is left to do."""
    try:
        print(f"{prog}: {one_line(line)}", file=sys.stderr, flush=True)
    except OSError:
        # Its buffer is discarded, or Python would flush it again at exit, with a status of 120.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def one_line(text: str) -> str:
    """``text`` with every character escaped that a terminal acts on, such as a line end in a file's
    name."""
    return "".join(ch if ch.isprintable() else ascii(ch)[1:-1] for ch in text)


def plural(count: int, noun: str) -> str:
    """
    >>> plural(1, "step"), plural(5000, "step")
    ('1 step', '5,000 steps')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def labelled(label: str, text: str) -> str:
    """A line of a report: ``label`` in ten columns, then ``text``, wrapped to the width of reports.
    Paths and addresses are not broken."""
    indent = " " * 10
    words = textwrap.wrap(
        text, WIDTH, initial_indent=f"{label:10}", subsequent_indent=indent,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    return "\n".join(words)


def number(value: float) -> str:
    """Two or three digits, at any size."""
    if value == 0:
        return "0"
    return f"{value:.3g}" if 1e-3 <= value < 1e5 else f"{value:.1e}"


def table_text(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table as plain text: figures to the right, a column without heading to the left."""
    from rich import box  # only here: `train` prints no table, and is done before rich is loaded
    from rich.console import Console
    from rich.table import Table

    table = Table(*headings, box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading, column in zip(headings, table.columns, strict=True):
        column.justify = "right" if heading else "left"
    for row in rows:
        table.add_row(*row)
    console = Console(width=WIDTH, color_system=None, force_jupyter=False)
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())
