"""``bigram train``"""

import argparse
import contextlib
import time

from bigram.commands.shared import (
    add_schedule,
    add_timeout,
    check_device,
    check_seconds,
    config_of,
    corpus_of,
    naming_options,
    notice_pictures,
    plot_folder_of,
    schedule_of,
)
from bigram.terminal import notice, print_lines, progress_bar
from common.errors import UserError

ABOUT = "train one model and let it write"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which model, its schedule, and where the run is saved."""
    parser.add_argument(
        "--backend", choices=["numpy", "torch"], required=True, help="which of the two"
    )
    add_schedule(parser)
    parser.add_argument(
        "--out", metavar="RUN", help="a folder to save to at every evaluation, and when interrupted"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with the run in --out where it stopped"
    )
    add_timeout(parser)


def check_options(args: argparse.Namespace) -> None:
    """Raises ``UserError`` for options that contradict each other, before anything is read."""
    check_device(args)
    check_seconds("--timeout", args.timeout)
    if args.out == "":
        raise UserError("--out names no folder; give one, or leave the option out to save nothing")
    if args.resume and not args.out:
        raise UserError("--resume goes on with a run that was saved; say which with --out RUN")


def run(args: argparse.Namespace) -> int:
    """Trains and prints each evaluation as soon as it is known, then a sample."""
    check_options(args)
    config, processes = config_of(args), args.processes
    pictures = plot_folder_of(args) if processes.is_first() else None
    from bigram.runs.folder import RunFolder, check_corpus, continued
    from bigram.runs.interruptions import interruptible
    from bigram.runs.records import corpus_record
    from bigram.runs.report import run_header
    from bigram.runs.train import Run
    from bigram.strict_json import to_json

    def say(line: str) -> None:
        if not args.json:
            print_lines([line])

    with contextlib.ExitStack() as stack:
        stack.enter_context(processes.together(args.device, config.dtype, args.timeout))
        saves = args.out and processes.is_first()
        folder = stack.enter_context(RunFolder(args.out, args.resume)) if saves else None
        checkpoint = processes.broadcast(folder.checkpoint if folder else None)
        if checkpoint:
            with naming_options():
                config = continued(checkpoint, schedule_of(args))
            if folder and folder.notice:
                notice(folder.notice)
        corpus = corpus_of(args.corpus)
        if checkpoint:
            check_corpus(checkpoint, corpus)
            notice(f"going on with {args.out} after step {checkpoint.step:,}")
        interruption = stack.enter_context(interruptible())
        trainer = processes.trainer_maker(
            args.backend, args.device, corpus.sha256, interruption.asked
        )
        with naming_options():
            run = Run(corpus, config, trainer, checkpoint)
        for line in run_header(corpus_record(corpus), config):
            say(line)
        start = time.perf_counter()
        with naming_options(), progress_bar(config.max_iters) as advance:
            finished = run.finish(
                folder, say, advance, lambda: processes.interrupted(run.trainer, interruption.asked)
            )
        if not finished:
            saved = f"saved as {run.saved}; go on with --resume"
            kept = saved if args.out else "nothing saved without --out"
            notice(f"interrupted after step {run.step:,}: {kept}")
            return interruption.status
        record = run.record(args.backend, seconds=time.perf_counter() - start)
        say(f"trained   in {record.seconds:.2f} s with {args.backend}, evaluation included")
        say(f"\n{record.sample.text}")
        if args.json:
            print(to_json(record))
        if pictures:
            from bigram.runs.pictures import draw_run

            table = run.trainer.state().weight
            notice_pictures(pictures, draw_run(pictures, record, corpus, table))
    return 0
