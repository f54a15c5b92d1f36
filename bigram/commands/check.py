"""``bigram check``"""

import argparse

from bigram.commands.shared import add_json, check_seconds, print_result
from common.errors import UserError

ABOUT = "check a gradient or an optimizer, and name the mistakes in it"

EXAMPLE = """\
Your function, in mine.py, with B x T tokens and V distinct characters:

    def loss_and_gradient(W, idx, targets):
        return loss, dW

    W        (V, V) array, the logits: row i scores what may follow character i
    idx      (B, T) array of the characters' numbers, from 0 to V - 1
    targets  (B, T) array, the numbers of the characters that follow them
    loss     the mean cross-entropy over all B x T tokens, in nats
    dW       (V, V) array, the gradient of the loss with respect to W

    bigram check mine.py:loss_and_gradient

Your optimizer: step changes W in place, or returns the new W.

    class AdamW:
        def __init__(self, W, lr, betas, eps, weight_decay): ...
        def step(self, W, dW): ...

    bigram check --optimizer mine.py:AdamW
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The subject, and how it is checked."""
    add = parser.add_argument
    add(
        "subject",
        nargs="?",
        metavar="PATH.py:FUNCTION",
        help="your function, or module:function (default: this project's own code)",
    )
    add("--optimizer", metavar="PATH.py:CLASS", help="your AdamW instead, with step(W, dW)")
    add(
        "--logits",
        metavar="PATH.py:FUNCTION",
        help="your (logits, targets) -> (loss, dlogits) instead",
    )
    part = parser.add_mutually_exclusive_group()
    part.add_argument(
        "--loss-only", action="store_true", help="the function returns the loss alone"
    )
    part.add_argument("--gradient-only", action="store_true", help="the function returns dW alone")
    add(
        "--dtype",
        choices=["float64", "float32", "float16", "bfloat16"],
        default="float64",
        help="default %(default)s; 16 bits for --logits alone",
    )
    add("--vocab", type=int, metavar="V", help="one more case, with V characters")
    add("--tokens", type=int, metavar="N", help="one more case, with N tokens")
    kinds = ["numpy", "torch", "jax"]
    add("--like", choices=kinds, help="the kind of arrays that it is given (default: found out)")
    add(
        "--limit",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="for each case (default %(default)g)",
    )
    add("--verbose", action="store_true", help="the table of witnesses too")
    add("--save", metavar="FILE.npz", help="write the smallest wrong case, to load in a notebook")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Judges, prints the report, and returns 0 where the verdict is "correct"."""
    given = [name for name in ("subject", "optimizer", "logits") if getattr(args, name)]
    if len(given) > 1:
        names = ["a function" if name == "subject" else f"--{name}" for name in given]
        raise UserError(f"give {' or '.join(names[:2])}, not both")
    if given and not args.subject:
        if args.loss_only or args.gradient_only:
            raise UserError(
                f"--loss-only and --gradient-only are for functions, not for --{given[0]}"
            )
        if args.vocab is not None or args.tokens is not None:
            raise UserError(f"--vocab and --tokens are for functions, not for --{given[0]}")
    check_seconds("--limit", args.limit)
    if not given:
        from bigram.doctor.evidence import evidence
        from bigram.doctor.report import evidence_report

        record = evidence()
        print_result(record, evidence_report, args.json)
        return 0 if record["verdict"] == "correct" else 1
    from bigram.doctor.api import check, check_optimizer

    options = {"dtype": args.dtype, "limit": args.limit, "like": args.like, "isolate": True}
    if args.optimizer:
        result = check_optimizer(args.optimizer, **options)
    elif args.logits:
        from bigram.doctor.kernels import check_cross_entropy

        result = check_cross_entropy(args.logits, **options)
    else:
        part = {"loss_only": args.loss_only, "gradient_only": args.gradient_only}
        part |= {"vocab": args.vocab, "tokens": args.tokens}
        result = check(args.subject, **part, **options)
    print_result(result.to_dict(), lambda _: [result.report(args.verbose)], args.json)
    if args.save and result.verdict != "correct":
        result.save(args.save)
    return 0 if result.verdict == "correct" else 1
