"""``bigram optimum``"""

import argparse

from bigram.commands.shared import add_json, add_timeout, check_seconds, corpus_of, print_result

ABOUT = "the least loss any bigram table can have on a text, in any number of files"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which texts."""
    parser.add_argument(
        "--corpus",
        nargs="+",
        default=[None],
        metavar="PATH",
        help=(
            "separate UTF-8 texts; under torchrun those of this machine (default: tiny Shakespeare)"
        ),
    )
    add_json(parser)
    add_timeout(parser)


def run(args: argparse.Namespace) -> int:
    """Prints the least loss."""
    check_seconds("--timeout", args.timeout)
    from bigram.runs.optimum import optimum
    from bigram.runs.report import optimum_report

    processes = args.processes
    with processes.together("cpu", "float64", args.timeout):
        record = optimum(
            map(corpus_of, processes.my_part(args.corpus)), processes.gather, processes.add
        )
    print_result(record, optimum_report, args.json)
    return 0
