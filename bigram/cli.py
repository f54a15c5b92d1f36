"""The command line. Options are parsed before NumPy or torch is imported, so that ``--help`` and a
typing error answer at once, and ``train --backend numpy`` runs where torch is not installed."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, NoReturn

from common.config import Config
from common.errors import UserError

if TYPE_CHECKING:
    from common.corpus import Corpus, OnProgress

EPILOG = (
    "Results go to stdout, progress and notices to stderr. "
    "Exit status: 0 it holds, 1 it does not, 2 bad input."
)


class Parser(argparse.ArgumentParser):
    """Says what is wrong with the arguments in one line instead of a page."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def build_parser() -> argparse.ArgumentParser:
    """All commands and their options; each default is ``Config``'s."""
    parser = Parser(
        prog="bigram",
        description="One bigram language model, by hand in NumPy and in PyTorch.",
        epilog=EPILOG,
    )
    commands = parser.add_subparsers(metavar="COMMAND", parser_class=Parser)
    about = "train both models in lockstep and report whether they agree"
    compare = commands.add_parser("compare", help=about, description=about.capitalize(), epilog=EPILOG)
    compare.set_defaults(run=run_compare)
    about = "train one model and let it write"
    train = commands.add_parser("train", help=about, description=about.capitalize(), epilog=EPILOG)
    train.set_defaults(run=run_train)
    train.add_argument("--backend", choices=["numpy", "torch"], required=True, help="which of the two")
    add_run_options(compare)
    add_run_options(train)
    about = "find out whether a gradient or an optimizer is right, and if not, which mistake is in it"
    check = commands.add_parser("check", help=about, description=about.capitalize(), epilog=EPILOG)
    check.set_defaults(run=run_check)
    add_check_options(check)
    return parser


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """The options that ``train`` and ``compare`` share."""
    default = Config()
    add = parser.add_argument
    add("--corpus", metavar="PATH", help="a UTF-8 text file (default: tiny Shakespeare)")
    add("--steps", type=int, default=default.max_iters, metavar="N", help="updates (default %(default)s)")
    add(
        "--batch-size",
        type=int,
        default=default.batch_size,
        metavar="B",
        help="windows a batch (default %(default)s)",
    )
    add(
        "--block-size",
        type=int,
        default=default.block_size,
        metavar="T",
        help="tokens a window (default %(default)s)",
    )
    add(
        "--eval-interval",
        type=int,
        default=default.eval_interval,
        metavar="N",
        help="updates between evaluations (default %(default)s)",
    )
    add(
        "--eval-iters",
        type=int,
        default=default.eval_iters,
        metavar="N",
        help="evaluate on N random batches (default: exactly, on the whole split)",
    )
    add("--lr", type=float, default=default.lr, help="learning rate (default %(default)s)")
    add(
        "--weight-decay",
        type=float,
        default=default.weight_decay,
        help="decoupled weight decay (default %(default)s)",
    )
    add("--dtype", choices=["float32", "float64"], default=default.dtype, help="default %(default)s")
    add(
        "--seed",
        type=int,
        default=default.seed,
        help="of the first table, the batches and the text (default %(default)s)",
    )
    add(
        "--device",
        choices=["auto", "cpu", "cuda", "mps"],
        default="cpu",
        help="torch's side only (default %(default)s)",
    )
    add("--json", action="store_true", help="one JSON object on stdout instead of the report")


def add_check_options(parser: argparse.ArgumentParser) -> None:
    """What to check, and how."""
    add = parser.add_argument
    add(
        "subject",
        nargs="?",
        metavar="PATH.py:FUNCTION",
        help="your (W, idx, targets) -> (loss, dW), or module:function (default: this project's own code)",
    )
    add("--optimizer", metavar="PATH.py:CLASS", help="your AdamW instead, with step(W, dW)")
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--loss-only", action="store_true", help="the function returns the loss alone")
    part.add_argument("--gradient-only", action="store_true", help="the function returns dW alone")
    add("--dtype", choices=["float32", "float64"], default="float64", help="of W (default %(default)s)")
    add("--limit", type=float, default=10.0, metavar="SECONDS", help="for each case (default %(default)g)")
    add("--json", action="store_true", help="one JSON object on stdout instead of the report")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status."""
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - it was closed
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a console that lacks a character shows its escape
            stream.reconfigure(errors="backslashreplace")
    parser = build_parser()
    args = parser.parse_args(argv)
    if "run" not in args:
        parser.print_help()
        return 0
    try:
        status: int = args.run(args)
        sys.stdout.flush()
        return status
    except UserError as error:
        return fail(str(error))
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        return fail("torch is not installed; train --backend numpy and check PATH.py:FUNCTION do without it")
    except MemoryError:
        return fail("not enough memory; use a smaller batch or a text with fewer distinct characters")
    except KeyboardInterrupt:
        return 130
    except OSError as error:  # most likely stdout cannot be written: what is left to flush must go nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        # A reader that has stopped listening is no error, and there is nobody left to tell.
        return 141 if isinstance(error, BrokenPipeError) else fail(str(error))


def fail(message: str) -> int:
    """Prints the one line of an expected error, and returns its exit status."""
    print(f"bigram: {message}", file=sys.stderr)
    return 2


def run_compare(args: argparse.Namespace) -> int:
    """``bigram compare``"""
    # One thread each, unless told otherwise: the step is too small for more, and the speed line says so.
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    config, corpus = config_of(args), corpus_of(args)
    from bigram.compare import compare

    with progress_bar(config.max_iters) as advance:
        result = compare(corpus, config, args.device, advance)
    from bigram.tables import comparison_report

    print_result(result, comparison_report, args.json)
    return 0 if result["verdict"] == "agree" else 1


def run_train(args: argparse.Namespace) -> int:
    """``bigram train``"""
    if args.backend == "numpy" and args.device not in ("auto", "cpu"):
        raise UserError(f"--device {args.device} is for torch; NumPy runs on the cpu")
    config, corpus = config_of(args), corpus_of(args)
    from bigram.train import train_and_report

    def say(line: str) -> None:
        if not args.json:
            print(line, flush=True)

    with progress_bar(config.max_iters) as advance:
        result = train_and_report(corpus, config, args.backend, args.device, say, advance)
    if args.json:
        from bigram.runs import to_json

        print(to_json(result))
    return 0


def run_check(args: argparse.Namespace) -> int:
    """``bigram check``"""
    if args.subject and args.optimizer:
        raise UserError("give a function or --optimizer, not both")
    if args.optimizer and (args.loss_only or args.gradient_only):
        raise UserError("--loss-only and --gradient-only are for functions, not for --optimizer")
    if not 0 < args.limit <= 86400:
        raise UserError(f"--limit is {args.limit}; give a number of seconds above 0 and up to 86400, a day")
    from bigram.tables import check_report, evidence_report

    report = check_report
    if args.optimizer:
        from bigram.check_adamw import check_optimizer

        record = check_optimizer(args.optimizer, args.dtype, args.limit).record()
    elif args.subject:
        from bigram.check import check_gradient

        wanted = ("loss",) if args.loss_only else ("dW",) if args.gradient_only else ("loss", "dW")
        record = check_gradient(args.subject, wanted, args.dtype, args.limit).record()
    else:
        from bigram.evidence import evidence

        record, report = evidence(), evidence_report
    print_result(record, report, args.json)
    return 0 if record["verdict"] == "correct" else 1


def print_result(
    record: dict[str, Any], report: Callable[[dict[str, Any]], Iterable[str]], as_json: bool
) -> None:
    """The result of a command on stdout, for machines or for people."""
    if as_json:
        from bigram.runs import to_json

        print(to_json(record))
    else:
        for line in report(record):
            print(line)


def config_of(args: argparse.Namespace) -> Config:
    """The schedule that the options ask for."""
    return Config(
        batch_size=args.batch_size,
        block_size=args.block_size,
        max_iters=args.steps,
        eval_interval=args.eval_interval,
        eval_iters=args.eval_iters,
        lr=args.lr,
        weight_decay=args.weight_decay,
        dtype=args.dtype,
        seed=args.seed,
    )


def corpus_of(args: argparse.Namespace) -> Corpus:
    """The text that the options ask for; where it is a stand-in, stderr says so."""
    from common.corpus import load_corpus

    with reading_bar() as on_progress:
        corpus = load_corpus(args.corpus, on_progress)
    if corpus.notice:
        print(f"bigram: {corpus.notice}", file=sys.stderr)
    return corpus


@contextlib.contextmanager
def reading_bar() -> Iterator[OnProgress]:
    """Yields a function to be told how far a large text is read. One bar on stderr for each pass, with the
    speed, if that is a terminal."""
    if not sys.stderr.isatty():
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
    if not sys.stderr.isatty():
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
