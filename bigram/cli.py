"""The command line: parses options, runs one command, and turns errors into one line and an exit
status."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Any, NoReturn

from bigram.commands import check, compare, explain, generate, optimum, train
from bigram.terminal import notice
from common.errors import UserError

COMMANDS = {
    "compare": compare,
    "train": train,
    "optimum": optimum,
    "generate": generate,
    "check": check,
    "explain": explain,
}
EPILOG = """\
Results go to stdout, progress and notices to stderr. Exit status: 0 correct,
1 wrong or training diverged, 2 bad input, 130 and 143 ended by Ctrl-C and
SIGTERM.
"""

EXTRAS = ("torch", "pooch", "safetensors", "matplotlib")  # packages that `check` does without

# Texts of torch's RuntimeErrors, on the CPU and on a GPU, where Python would raise MemoryError.
OUT_OF_MEMORY = re.compile("can't allocate memory|out of memory", re.IGNORECASE)


class UsageError(UserError):
    """Arguments that cannot be parsed by the command ``prog``."""

    def __init__(self, prog: str, message: str) -> None:
        super().__init__(f"{message}; see {prog} --help")
        self.prog = prog


class Parser(argparse.ArgumentParser):
    """Raises an error in the arguments, where argparse would print the usage and exit."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(self.prog, message)


def build_parser() -> Parser:
    """All commands and their options."""
    parser = Parser(
        prog="bigram",
        description="One bigram language model, by hand in NumPy and in PyTorch.",
        epilog=EPILOG,
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    commands = parser.add_subparsers(metavar="COMMAND", dest="command", parser_class=Parser)
    for name, module in COMMANDS.items():
        about, example = module.ABOUT, getattr(module, "EXAMPLE", "")
        command = commands.add_parser(
            name,
            help=about,
            description=f"{about.capitalize()}.\n\n{example}",
            epilog=EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_options(command)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # it was closed
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - for good
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a console that lacks a character shows its escape
            stream.reconfigure(errors="backslashreplace")
    processes: Any
    if os.environ.get("WORLD_SIZE", "1") != "1":  # one of several, as torchrun starts them
        from impl_torch import distributed as processes
    else:
        from bigram.runs.alone import Alone

        processes = Alone()
    try:
        with processes.only_the_first_prints():
            try:
                return run_command(argv, processes)
            finally:
                sys.stdout.flush()  # here too a full disk may be found out
    except (Exception, KeyboardInterrupt) as error:
        status, line = explain_failure(error)
        if line:
            processes.let_the_first_speak()
            notice(line, error.prog if isinstance(error, UsageError) else "bigram")
        return status


def run_command(argv: Sequence[str] | None, processes: Any) -> int:
    """Parses the arguments and runs their command. ``processes`` is an ``Alone`` or
    ``impl_torch.distributed``."""
    parser = build_parser()
    args = parser.parse_args(argv)
    if args.version:
        from importlib.metadata import version

        print(f"bigram {version('bigram')}")
        return 0
    if args.command is None:
        parser.print_help()
        return 0
    shared = args.command == "optimum" or (args.command == "train" and args.backend == "torch")
    if processes.SEVERAL and not shared:
        raise UserError(
            "only train --backend torch and optimum run in several processes; start it alone"
        )
    args.processes = processes
    return COMMANDS[args.command].run(args)


def explain_failure(error: BaseException) -> tuple[int, str | None]:
    """The exit status for ``error``, and the line to print. Raises it again where it is a bug."""
    if isinstance(error, UserError):
        return error.status, str(error)
    if isinstance(error, ModuleNotFoundError):
        package = (error.name or "").partition(".")[0]
        if package in EXTRAS:
            without = (
                "; train --backend numpy and check do without it" if package == "torch" else ""
            )
            line = f"{package} is not installed{without}; pip install {package}, or bigram[all]"
            return 2, line
    if isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and OUT_OF_MEMORY.search(str(error))
    ):
        return 2, "not enough memory; use a smaller batch or a text with fewer distinct characters"
    if isinstance(error, KeyboardInterrupt):
        return 130, None
    if isinstance(error, OSError):
        # Most likely stdout's: its buffer is discarded, or Python would flush it again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        # A reader that stopped listening is no error.
        return (141, None) if isinstance(error, BrokenPipeError) else (2, str(error))
    raise error
