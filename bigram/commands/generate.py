"""``bigram generate``"""

import argparse
import os

from bigram.commands.shared import add_device, add_json, check_device, naming_options, print_result
from bigram.terminal import notice
from common.errors import UserError

ABOUT = "let a saved model write"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which model writes, and which text it continues."""
    add = parser.add_argument
    add(
        "--model",
        metavar="FILE",
        required=True,
        help="a checkpoint, or the folder of a run for its newest",
    )
    add(
        "--prompt",
        default="",
        metavar="TEXT",
        help="to be continued (default: as train begins its sample)",
    )
    add(
        "--tokens",
        type=int,
        default=500,
        metavar="N",
        help="characters to write (default %(default)s)",
    )
    add(
        "--seed",
        type=int,
        help="of the text (default: the run's own, which writes the sample of train)",
    )
    add(
        "--backend",
        choices=["numpy", "torch"],
        default="numpy",
        help="which of the two (default %(default)s)",
    )
    add_device(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Prints the text."""
    check_device(args)
    if not 1 <= args.tokens <= 10**7:
        raise UserError(f"--tokens is {args.tokens}; it must be at least 1 and at most 10,000,000")
    from pathlib import Path

    from bigram.runs.checkpoint import load_checkpoint
    from bigram.runs.folder import newest_checkpoint
    from bigram.runs.generate import generate

    model, problem = Path(args.model), None
    if os.path.isdir(model):  # unlike Path.is_dir, raises nothing where a name is too long
        checkpoint, problem = newest_checkpoint(model)
    else:
        checkpoint = load_checkpoint(model)
    if problem:
        notice(problem)
    with naming_options():
        result = generate(
            checkpoint, args.prompt, args.tokens, args.seed, args.backend, args.device
        )
    print_result(result, lambda result: [result.text], args.json)
    return 0
