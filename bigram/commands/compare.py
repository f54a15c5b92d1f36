"""``bigram compare``"""

import argparse

from bigram.commands.shared import (
    add_schedule,
    config_of,
    corpus_of,
    naming_options,
    notice_pictures,
    plot_folder_of,
    print_result,
)
from bigram.terminal import foretell, notice, progress_bar

ABOUT = "train both models in lockstep and report whether they agree"
add_options = add_schedule


def run(args: argparse.Namespace) -> int:
    """Prints the comparison, and returns 0 where the verdict is "agree"."""
    config = config_of(args)
    folder, corpus = plot_folder_of(args), corpus_of(args.corpus)
    from bigram.runs.compare import Trace, compare
    from bigram.runs.report import comparison_report

    trace = Trace() if folder else None
    with naming_options(), progress_bar(config.max_iters) as advance:
        long = foretell(config.max_iters, notice)

        def on_step(step: int) -> None:
            advance(step)
            long(step)

        result = compare(corpus, config, args.device, on_step, trace)
    print_result(result, comparison_report, args.json)
    if folder and trace:
        from bigram.runs.pictures import draw_comparison

        notice_pictures(folder, draw_comparison(folder, result, corpus, trace))
    return 0 if result.verdict == "agree" else 1
