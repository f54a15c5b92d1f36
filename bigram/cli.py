"""The command line. Options are parsed before NumPy or torch is imported, so that ``--help`` and a
typing error answer at once, and ``train --backend numpy`` runs where torch is not installed."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, NoReturn

from bigram.processes import from_first, is_first, let_the_first_speak, my_part, several_processes, together
from bigram.terminal import foretell, progress_bar, reading_bar
from common.config import Config
from common.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from common.text.corpus import Corpus

EPILOG = (
    "Results go to stdout, progress and notices to stderr. "
    "Exit status: 0 it holds, 1 it does not or training diverged, 2 bad input, "
    "130 and 143 ended by Ctrl-C and SIGTERM."
)

# What torch's RuntimeErrors say, on the CPU and on a GPU, where Python would raise MemoryError.
OUT_OF_MEMORY = re.compile("can't allocate memory|out of memory", re.IGNORECASE)


class Parser(argparse.ArgumentParser):
    """Says what is wrong with the arguments in one line instead of a page."""

    def error(self, message: str) -> NoReturn:
        let_the_first_speak()
        self.exit(2, f"{self.prog}: {one_line(message)}; see {self.prog} --help\n")


def build_parser() -> argparse.ArgumentParser:
    """All commands and their options; each default is ``Config``'s."""
    parser = Parser(
        prog="bigram",
        description="One bigram language model, by hand in NumPy and in PyTorch.",
        epilog=EPILOG,
    )
    commands = parser.add_subparsers(metavar="COMMAND", parser_class=Parser)

    def command(name: str, run: Callable[[argparse.Namespace], int], about: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=about, description=about.capitalize(), epilog=EPILOG)
        added.set_defaults(run=run)
        return added

    compare = command("compare", run_compare, "train both models in lockstep and report whether they agree")
    add_run_options(compare)
    train = command("train", run_train, "train one model and let it write")
    train.add_argument("--backend", choices=["numpy", "torch"], required=True, help="which of the two")
    add_run_options(train)
    train.add_argument(
        "--out", metavar="RUN", help="a folder to save to at every evaluation, and when interrupted"
    )
    train.add_argument("--resume", action="store_true", help="go on with the run in --out where it stopped")
    add_timeout(train)
    optimum = command(
        "optimum", run_optimum, "the least loss any bigram table can have on a text, in however many files"
    )
    add_optimum_options(optimum)
    add_timeout(optimum)
    add_generate_options(command("generate", run_generate, "let a saved model write"))
    about = "find out whether a gradient or an optimizer is right, and if not, which mistake is in it"
    add_check_options(command("check", run_check, about))
    about = "show every number of one forward and backward pass on a short text"
    add_explain_options(command("explain", run_explain, about))
    return parser


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """The options that ``train`` and ``compare`` share. Those of the schedule are named as in ``Config`` and
    are None where they are not given, for a run that is resumed has its own."""
    default = Config()
    add = parser.add_argument
    add("--corpus", metavar="PATH", help="a UTF-8 text file (default: tiny Shakespeare)")
    add("--steps", type=int, dest="max_iters", metavar="N", help=f"updates (default {default.max_iters})")
    add("--batch-size", type=int, metavar="B", help=f"windows a batch (default {default.batch_size})")
    add("--block-size", type=int, metavar="T", help=f"tokens a window (default {default.block_size})")
    add(
        "--eval-interval",
        type=int,
        metavar="N",
        help=f"updates between evaluations (default {default.eval_interval})",
    )
    add(
        "--eval-iters",
        type=int,
        metavar="N",
        help="evaluate on N random batches (default: exactly, on the whole split)",
    )
    add("--lr", type=float, help=f"learning rate (default {default.lr})")
    add("--weight-decay", type=float, help=f"decoupled weight decay (default {default.weight_decay})")
    add("--dtype", choices=["float32", "float64"], help=f"default {default.dtype}")
    add("--seed", type=int, help=f"of the first table, the batches and the text (default {default.seed})")
    add("--plot", metavar="DIR", help="draw the run, as SVG and PNG files in this folder")
    add_device_and_json(parser)


def add_device_and_json(parser: argparse.ArgumentParser) -> None:
    """Where torch computes, and who reads the result."""
    parser.add_argument(
        "--device",
        choices=["auto", "cpu", "cuda", "mps"],
        default="cpu",
        help="torch's side only (default %(default)s)",
    )
    add_json(parser)


def add_json(parser: argparse._ActionsContainer) -> None:
    """Who reads the result."""
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout instead of the report")


def add_timeout(parser: argparse.ArgumentParser) -> None:
    """How long to wait for the other processes."""
    parser.add_argument(
        "--timeout",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="under torchrun: give up on a process silent for so long (default %(default)g)",
    )


def add_generate_options(parser: argparse.ArgumentParser) -> None:
    """What writes, and what it writes on from."""
    add = parser.add_argument
    add("--model", metavar="FILE", required=True, help="a checkpoint, or the folder of a run for its newest")
    add("--prompt", default="", metavar="TEXT", help="to be continued (default: as train begins its sample)")
    add("--tokens", type=int, default=500, metavar="N", help="characters to write (default %(default)s)")
    add("--seed", type=int, help="of the text (default: the run's own, which writes the sample of train)")
    add(
        "--backend",
        choices=["numpy", "torch"],
        default="numpy",
        help="which of the two (default %(default)s)",
    )
    add_device_and_json(parser)


def add_optimum_options(parser: argparse.ArgumentParser) -> None:
    """Which texts, and who reads the result."""
    parser.add_argument(
        "--corpus",
        nargs="+",
        default=[None],
        metavar="PATH",
        help="UTF-8 text files, each a text of its own; under torchrun those of this machine "
        "(default: tiny Shakespeare)",
    )
    add_json(parser)


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
    kinds = ["numpy", "torch", "jax"]
    add("--like", choices=kinds, help="the kind of arrays that it is given (default: found out)")
    add("--limit", type=float, default=10.0, metavar="SECONDS", help="for each case (default %(default)g)")
    add_json(parser)


def add_explain_options(parser: argparse.ArgumentParser) -> None:
    """What to explain, and in which form."""
    parser.add_argument("text", nargs="?", default="hello", metavar="TEXT", help="default %(default)s")
    parser.add_argument(
        "--width", type=int, metavar="COLUMNS", help="of the lines (default: the terminal's, else 80)"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--step", metavar="NAME", help="one operation at length: z, dz, dW, ..., collapse, counts or adamw"
    )
    add_json(form)
    form.add_argument(
        "--html", metavar="PATH", help="write a page to move through instead, to open in a browser"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status."""
    for name in ("stdout", "stderr"):
        # It was closed, and what goes there goes nowhere; or another process says what is to be said.
        if getattr(sys, name) is None or (name == "stdout" and not is_first()):
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - as long as we run
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a console that lacks a character shows its escape
            stream.reconfigure(errors="backslashreplace")
    parser = build_parser()
    try:
        try:
            args = parser.parse_args(argv)
            if "run" not in args:
                parser.print_help()
                return 0
            shared = args.run is run_optimum or (args.run is run_train and args.backend == "torch")
            if several_processes() and not shared:
                raise UserError(
                    "only train --backend torch and optimum run in several processes; start it alone"
                )
            status: int = args.run(args)
            return status
        finally:
            sys.stdout.flush()  # of help too, where this may be the first that is heard of a full disk
    except UserError as error:
        return fail(str(error), error.status)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in ("torch", "pooch", "safetensors", "matplotlib"):
            raise
        without = (
            "; train --backend numpy and check PATH.py:FUNCTION do without it" if package == "torch" else ""
        )
        return fail(
            f"{package} is not installed{without}; pip install {package}, or all with the extra [all]"
        )
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not OUT_OF_MEMORY.search(str(error)):
            raise
        return fail("not enough memory; use a smaller batch or a text with fewer distinct characters")
    except KeyboardInterrupt:
        return 130
    except OSError as error:  # most likely stdout cannot be written: what is left to flush must go nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        # A reader that has stopped listening is no error, and there is nobody left to tell.
        return 141 if isinstance(error, BrokenPipeError) else fail(str(error))


def fail(message: str, status: int = 2) -> int:
    """Prints the one line of an expected error, and returns its exit status."""
    let_the_first_speak()
    tell(message)
    return status


def notice(line: str) -> None:
    """One line for whoever sits at the command, and once."""
    if is_first():
        tell(line)


def tell(line: str) -> None:
    """One line on stderr."""
    with contextlib.suppress(OSError):  # nobody can be told that nobody can be told
        print(f"bigram: {one_line(line)}", file=sys.stderr, flush=True)


def one_line(text: str) -> str:
    """``text`` with whatever a terminal acts on, line ends too, escaped: a file's name may hold it."""
    return "".join(ch if ch.isprintable() else ascii(ch)[1:-1] for ch in text)


def run_compare(args: argparse.Namespace) -> int:
    """``bigram compare``"""
    # One thread each, unless told otherwise: the step is too small for more, and the speed line says so.
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    config, folder, corpus = config_of(args), plot_folder_of(args), corpus_of(args.corpus)
    from bigram.runs.compare import Trace, compare

    trace = Trace() if folder else None
    with progress_bar(config.max_iters) as advance:
        long = foretell(config.max_iters, notice)
        result = compare(corpus, config, args.device, lambda step: (advance(step), long(step)), trace)
    from bigram.runs.report import comparison_report

    print_result(result, comparison_report, args.json)
    if folder and trace:
        from bigram.runs.pictures import draw_comparison

        draw_comparison(folder, result, corpus, trace)
    return 0 if result["verdict"] == "agree" else 1


def run_train(args: argparse.Namespace) -> int:
    """``bigram train``"""
    check_device(args)
    if args.out == "":
        raise UserError("--out names no folder; give one, or leave the option out to save nothing")
    if args.resume and not args.out:
        raise UserError("--resume goes on with a run that was saved; say which with --out RUN")
    config = config_of(args)  # first, for what is wrong in the options themselves is known at once
    pictures = plot_folder_of(args) if is_first() else None
    from bigram.runs.folder import RunFolder, check_corpus, continued
    from bigram.runs.interruptions import interruptible
    from bigram.runs.train import train_and_report

    def say(line: str) -> None:
        if not args.json:
            print(line, flush=True)

    with contextlib.ExitStack() as stack:
        stack.enter_context(together(args.device, config.dtype, args.timeout))
        saves = args.out and is_first()
        folder = stack.enter_context(RunFolder(args.out, args.resume)) if saves else None
        checkpoint = from_first(folder.checkpoint if folder else None)
        if checkpoint:
            config = continued(checkpoint, schedule_of(args))
            if folder and folder.notice:
                notice(folder.notice)
        corpus = corpus_of(args.corpus)
        if checkpoint:
            check_corpus(checkpoint, corpus)
            notice(f"going on with {args.out} after step {checkpoint.step:,}")
        interruption = stack.enter_context(interruptible())
        with progress_bar(config.max_iters) as advance:
            result = train_and_report(
                corpus,
                config,
                args.backend,
                args.device,
                say,
                advance,
                folder,
                checkpoint,
                interrupted=lambda: interruption.signal is not None,
                pictures=pictures,
            )
    if "sample" not in result:
        where = (
            f"saved as {result['saved']}; go on with --resume" if args.out else "nothing saved without --out"
        )
        notice(f"interrupted after step {result['step']:,}: {where}")
        return interruption.status
    if args.json:
        from bigram.runs.records import to_json

        print(to_json(result))
    return 0


def run_optimum(args: argparse.Namespace) -> int:
    """``bigram optimum``"""
    from bigram.runs.optimum import optimum
    from bigram.runs.report import optimum_report

    with together("cpu", "float64", args.timeout):
        corpora = map(corpus_of, my_part(args.corpus))
        if several_processes():
            from impl_torch.distributed import add, gather

            record = optimum(corpora, gather, add)
        else:
            record = optimum(corpora)
    print_result(record, optimum_report, args.json)
    return 0


def run_generate(args: argparse.Namespace) -> int:
    """``bigram generate``"""
    check_device(args)
    if not 1 <= args.tokens <= 10**7:
        raise UserError(f"--tokens is {args.tokens}; it must be at least 1 and at most 10,000,000")
    from pathlib import Path

    from bigram.runs.checkpoint import load_checkpoint
    from bigram.runs.folder import newest_checkpoint
    from bigram.runs.generate import generate

    model, problem = Path(args.model), None
    if os.path.isdir(model):  # unlike is_dir, no error of its own where a name is too long
        checkpoint, problem = newest_checkpoint(model)
    else:
        checkpoint = load_checkpoint(model)
    if problem:
        notice(problem)
    result = generate(checkpoint, args.prompt, args.tokens, args.seed, args.backend, args.device)
    print_result(result, lambda record: [record["text"]], args.json)
    return 0


def check_device(args: argparse.Namespace) -> None:
    """Raises ``UserError`` where NumPy is asked to run on torch's device."""
    if args.backend == "numpy" and args.device not in ("auto", "cpu"):
        raise UserError(f"--device {args.device} is for torch; NumPy runs on the cpu")


def run_check(args: argparse.Namespace) -> int:
    """``bigram check``"""
    if args.subject and args.optimizer:
        raise UserError("give a function or --optimizer, not both")
    if args.optimizer and (args.loss_only or args.gradient_only):
        raise UserError("--loss-only and --gradient-only are for functions, not for --optimizer")
    if not 0 < args.limit <= 86400:
        raise UserError(f"--limit is {args.limit}; give a number of seconds above 0 and up to 86400, a day")
    if not (args.optimizer or args.subject):
        from bigram.doctor.evidence import evidence
        from bigram.doctor.report import evidence_report

        record = evidence()
        print_result(record, evidence_report, args.json)
        return 0 if record["verdict"] == "correct" else 1
    from bigram.doctor.api import check, check_optimizer

    options = {"dtype": args.dtype, "limit": args.limit, "like": args.like, "isolate": True}
    if args.optimizer:
        result = check_optimizer(args.optimizer, **options)
    else:
        part = {"loss_only": args.loss_only, "gradient_only": args.gradient_only}
        result = check(args.subject, **part, **options)
    print_result(result.to_dict(), lambda _: [str(result)], args.json)
    return 0 if result.verdict == "correct" else 1


def run_explain(args: argparse.Namespace) -> int:
    """``bigram explain``"""
    from bigram.explain.record import explain
    from bigram.explain.text import line_width, one_step, report

    width = line_width(args.width)
    record = explain(args.text)
    if args.json:
        print_result(record, lambda _: (), as_json=True)
        return 0
    if args.html is not None:
        from bigram.explain.page import write_page

        print(f"{write_page(record, args.html)}: open it in a browser")
        return 0
    from rich.console import Console

    console = Console(width=width, highlight=False)  # in colour on a terminal, unless NO_COLOR says not to
    for line in one_step(record, args.step, width) if args.step else report(record, width):
        console.print(line, soft_wrap=True)
    return 0


def print_result(
    record: dict[str, Any], report: Callable[[dict[str, Any]], Iterable[str]], as_json: bool
) -> None:
    """The result of a command on stdout, for machines or for people."""
    if as_json:
        from bigram.runs.records import to_json

        print(to_json(record))
    else:
        for line in report(record):
            print(line)


def config_of(args: argparse.Namespace) -> Config:
    """The schedule that the options ask for."""
    return Config(**schedule_of(args))


def schedule_of(args: argparse.Namespace) -> dict[str, Any]:
    """Those settings of the schedule that were given."""
    given = {field.name: getattr(args, field.name, None) for field in dataclasses.fields(Config)}
    return {name: value for name, value in given.items() if value is not None}


def plot_folder_of(args: argparse.Namespace) -> Path | None:
    """The folder for the pictures, ready to be written to, if any are wanted."""
    if args.plot is None:
        return None
    from bigram.plot_style import make_folder

    return make_folder(args.plot)


def corpus_of(path: str | None) -> Corpus:
    """The text that ``--corpus`` asks for; where it is a stand-in, stderr says so."""
    from common.text.corpus import load_corpus

    with reading_bar() as on_progress:
        corpus = load_corpus(path, on_progress)
    if corpus.notice:
        notice(corpus.notice)
    return corpus
