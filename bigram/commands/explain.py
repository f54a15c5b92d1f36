"""``bigram explain``"""

import argparse

from bigram.commands.shared import add_json, print_result

ABOUT = "show every number of one forward and backward pass on a short text"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The text, and the form of the answer."""
    parser.add_argument(
        "text", nargs="?", default="hello", metavar="TEXT", help="default %(default)s"
    )
    parser.add_argument(
        "--width",
        type=int,
        metavar="COLUMNS",
        help="of the lines (default: the terminal's, else 80)",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--step",
        metavar="NAME",
        help="one operation at length: z, dz, dW, ..., collapse, counts or adamw",
    )
    add_json(form)
    form.add_argument(
        "--html", metavar="PATH", help="write a page to move through instead, to open in a browser"
    )


def run(args: argparse.Namespace) -> int:
    """Prints every number, or writes the page."""
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

    # in colour on a terminal, unless NO_COLOR says not to
    console = Console(width=width, highlight=False)
    for line in one_step(record, args.step, width) if args.step else report(record, width):
        console.print(line, soft_wrap=True)
    return 0
