"""The terminal: progress bars on stderr, and tables as plain text."""

from __future__ import annotations

import contextlib
import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from bigram.processes import is_first

if TYPE_CHECKING:
    from common.text.corpus import OnProgress


@contextlib.contextmanager
def reading_bar() -> Iterator[OnProgress]:
    """Yields a function to be told how far a large text is read. One bar on stderr for each pass, with the
    speed, if that is a terminal."""
    if not sys.stderr.isatty() or not is_first():
        yield lambda doing, done, total: None
        return
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
    )
    tasks: dict[str, progress.TaskID] = {}
    with progress.Progress(*columns, console=Console(stderr=True), transient=True) as bar:

        def on_progress(doing: str, done: int, total: int) -> None:
            if doing not in tasks:
                tasks[doing] = bar.add_task(doing, total=total)
            bar.update(tasks[doing], completed=done)

        yield on_progress


@contextlib.contextmanager
def progress_bar(steps: int) -> Iterator[Callable[[int], object]]:
    """Yields a function to be told the updates made. The bar stands on stderr if that is a terminal."""
    if not sys.stderr.isatty() or not is_first():
        yield lambda step: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # Lines printed meanwhile are kept clear of the bar where both are on the terminal; rich would send them
    # to stderr too, so not where stdout goes elsewhere.
    both = sys.stdout.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=both) as bar:
        task = bar.add_task("training", total=steps)
        yield lambda step: bar.update(task, completed=step)


def foretell(
    steps: int, say: Callable[[str], object], clock: Callable[[], float] = time.monotonic
) -> Callable[[int], None]:
    """A function to be told the updates made. Three seconds after the first, which is slower than those that
    follow, it says how long the rest will take, if that is a minute or more."""
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
                say(f"{steps:,} steps will take about {math.ceil(left / 60):,} more minutes")

    return on_step


def number(value: float | None) -> str:
    """Two or three digits, whatever the size."""
    return (
        "0" if value == 0 else f"{value:.3g}" if value is not None and 1e-3 <= value < 1e5 else f"{value:.1e}"
    )


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
    console = Console(width=110, color_system=None, force_jupyter=False)
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())
