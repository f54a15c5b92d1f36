"""Options that several commands have, and the objects that they stand for."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from bigram.terminal import notice, print_lines, reading_bar
from common.config import Config
from common.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from common.text.corpus import Corpus

T = TypeVar("T")
DAY = 86400  # seconds

# The options that set the fields of ``Config``; betas and eps have none.
OPTIONS = {field.name: f"--{field.name.replace('_', '-')}" for field in dataclasses.fields(Config)}
OPTIONS |= {"max_iters": "--steps"}
del OPTIONS["betas"], OPTIONS["eps"]


def add_schedule(parser: argparse.ArgumentParser) -> None:
    """The options of ``train`` and ``compare``. Those of the schedule are named as in ``Config``
    and are None where they are not given, because a resumed run has its own."""
    default, add = Config(), parser.add_argument

    def add_number(name: str, about: str, metavar: str | None = None) -> None:
        value = getattr(default, name)
        about = f"{about} (default {value})"
        add(OPTIONS[name], type=type(value), dest=name, metavar=metavar, help=about)

    add("--corpus", metavar="PATH", help="a UTF-8 text file (default: tiny Shakespeare)")
    add_number("max_iters", "updates", "N")
    add_number("batch_size", "windows a batch", "B")
    add_number("block_size", "tokens a window", "T")
    add_number("eval_interval", "updates between evaluations", "N")
    exactly = "evaluate on N random batches (default: exactly, on the whole split)"
    add("--eval-iters", type=int, metavar="N", help=exactly)
    add_number("lr", "learning rate")
    add_number("weight_decay", "decoupled weight decay")
    add("--dtype", choices=["float32", "float64"], help=f"default {default.dtype}")
    add_number("seed", "of the first table, the batches and the text")
    add("--plot", metavar="DIR", help="draw the run, as SVG and PNG files in this folder")
    add_device(parser)
    add_json(parser)


def add_device(parser: argparse.ArgumentParser) -> None:
    """``--device``"""
    parser.add_argument(
        "--device",
        choices=["auto", "cpu", "cuda", "mps"],
        default="cpu",
        help="torch's side only (default %(default)s)",
    )


def add_json(parser: argparse._ActionsContainer) -> None:
    """``--json``"""
    parser.add_argument(
        "--json", action="store_true", help="one JSON object on stdout instead of the report"
    )


def add_timeout(parser: argparse.ArgumentParser) -> None:
    """``--timeout``"""
    parser.add_argument(
        "--timeout",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="under torchrun: give up on a process silent for so long (default %(default)g)",
    )


@contextlib.contextmanager
def naming_options() -> Iterator[None]:
    """Around code whose errors name the fields of ``Config``: they then name the options
    instead."""
    try:
        yield
    except UserError as error:
        # Not inside a path, as of a folder that is called lr.
        fields = rf"(?<![\w/.-])({'|'.join(OPTIONS)})(?![\w/.-])"
        error.args = (re.sub(fields, lambda match: OPTIONS[match[1]], str(error)),)
        raise


def config_of(args: argparse.Namespace) -> Config:
    """The schedule that the options ask for."""
    with naming_options():
        return Config(**schedule_of(args))


def check_seconds(option: str, seconds: float) -> None:
    """Raises ``UserError`` unless an ``option`` is a time that can be waited."""
    if not 0 < seconds <= DAY:
        raise UserError(
            f"{option} is {seconds:g}; give a number of seconds above 0 and up to {DAY}, a day"
        )


def check_device(args: argparse.Namespace) -> None:
    """Raises ``UserError`` where NumPy is asked to run on torch's device."""
    if args.backend == "numpy" and args.device not in ("auto", "cpu"):
        raise UserError(f"--device {args.device} is for torch; NumPy runs on the cpu")


def schedule_of(args: argparse.Namespace) -> dict[str, Any]:
    """The fields of ``Config`` that were given."""
    given = {field.name: getattr(args, field.name, None) for field in dataclasses.fields(Config)}
    return {name: value for name, value in given.items() if value is not None}


def plot_folder_of(args: argparse.Namespace) -> Path | None:
    """The folder for the pictures, made and tried, if any are wanted."""
    if args.plot is None:
        return None
    from bigram.plot_style import make_folder

    return make_folder(args.plot)


def notice_pictures(folder: Path, names: Sequence[str]) -> None:
    """Says on stderr which pictures were written."""
    notice(f"drew {', '.join(names)} in {folder}, each as SVG and PNG")


def corpus_of(path: str | None) -> Corpus:
    """The text that ``--corpus`` asks for; where it is a stand-in, stderr says so."""
    from common.text.corpus import load_corpus

    with reading_bar() as on_progress:
        corpus = load_corpus(path, on_progress)
    if corpus.notice:
        notice(corpus.notice)
    return corpus


def print_result(record: T, report: Callable[[T], Iterable[str]], as_json: bool) -> None:
    """The result of a command on stdout: one line of JSON, or the report."""
    if as_json:
        from bigram.strict_json import to_json

        print(to_json(record))
    else:
        print_lines(report(record))
