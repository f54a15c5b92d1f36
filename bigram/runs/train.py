"""What ``bigram train`` does: one model through the schedule, from its beginning or from where it stopped,
then a sample of what it writes."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigram.processes import several_processes
from bigram.runs.checkpoint import Checkpoint
from bigram.runs.folder import RunFolder
from bigram.runs.records import config_record, corpus_record, make_trainer, sample_draws, sample_start
from bigram.runs.report import evaluation_line, run_header
from common.config import Config
from common.errors import DivergedError
from common.text.corpus import Corpus
from common.training import TrainerState, initial_table, train


def train_and_report(
    corpus: Corpus,
    config: Config,
    backend: str,
    device: str,
    say: Callable[[str], object],
    on_step: Callable[[int], object],
    folder: RunFolder | None = None,
    checkpoint: Checkpoint | None = None,
    interrupted: Callable[[], bool] = lambda: False,
    pictures: Path | None = None,
) -> dict[str, Any]:
    """Trains on ``backend``, "numpy" or "torch", and returns the run, ready for JSON. ``say`` is given each
    line of the report as soon as it is known; ``on_step`` is told the updates made.

    Goes on from ``checkpoint``, which is of this ``corpus``, as its own run would have, bit for bit. Saves to
    ``folder`` at every evaluation. When ``interrupted`` says so, saves and returns after the step at hand,
    without a sample. Raises ``DivergedError`` where a number is no longer finite; such a state is not saved.
    ``pictures`` is a folder to draw the run in, if any.
    """
    rng = np.random.default_rng(config.seed)
    table = initial_table(corpus.tokenizer.vocab_size, config.dtype, rng)
    evaluation_rng = rng.spawn(1)[0]
    if checkpoint:
        table = checkpoint.table
    trainer: Any
    if several_processes():
        from impl_torch.distributed import DistributedTrainer

        trainer = DistributedTrainer(table, config, device, corpus.sha256, interrupted)
        interrupted = trainer.interrupted
    else:
        trainer = make_trainer(backend, table, config, device)
    if checkpoint:
        trainer.restore(checkpoint.exp_avg, checkpoint.exp_avg_sq, checkpoint.step)
        rng.bit_generator.state = checkpoint.rng_state
        evaluation_rng.bit_generator.state = checkpoint.evaluation_rng_state
    done = checkpoint.step if checkpoint else None
    run = train(trainer, corpus, config, rng, evaluation_rng, first=0 if done is None else done + 1)

    def current(step: int, state: TrainerState) -> Checkpoint:
        return Checkpoint(
            table=state.weight,
            exp_avg=state.exp_avg,
            exp_avg_sq=state.exp_avg_sq,
            step=step,
            config=config,
            vocab=corpus.tokenizer.vocab,
            corpus_name=corpus.name,
            corpus_sha256=corpus.sha256,
            rng_state=rng.bit_generator.state,
            evaluation_rng_state=evaluation_rng.bit_generator.state,
        )

    history: list[dict[str, Any]] = []
    result: dict[str, Any] = {
        "corpus": corpus_record(corpus),
        "config": config_record(config),
        "backend": backend,
        "resumed_at": done,
        "step": done,
        "saved": None,
        "history": history,
    }
    for line in run_header(result):
        say(line)
    start = time.perf_counter()
    with np.errstate(all="ignore"):  # what NumPy would warn of is looked for, and is an error
        for step, loss, evaluation in run:
            result["step"] = step
            on_step(step)
            check_finite(step, "the loss", loss or 0.0)
            if evaluation:
                check_finite(step, "the training loss", evaluation.train)
                check_finite(step, "the validation loss", evaluation.val)
                history.append(evaluation._asdict())
                say(evaluation_line(*evaluation))
            stop = interrupted()
            if evaluation or stop:
                state = trainer.state()
                for name, tensor in state._asdict().items():
                    check_finite(step, name, tensor)
                if folder:
                    result["saved"] = str(folder.save(current(step, state)))
            if stop:
                return result
    seconds = time.perf_counter() - start
    say(f"trained   in {seconds:.2f} s with {backend}, evaluation included")

    written = trainer.generate(sample_start(), sample_draws(config, rng))[0, 1:]
    text = corpus.tokenizer.decode(written)
    say(f"\n{text}")
    if pictures:
        from bigram.runs.pictures import draw_run

        draw_run(pictures, result, corpus, trainer.state().weight)
    return result | {"seconds": seconds, "sample": {"text": text}}


def check_finite(step: int, name: str, value: float | NDArray[np.floating]) -> None:
    """Raises ``DivergedError`` where a loss or a tensor holds what is no finite number."""
    finite = math.isfinite(value) if isinstance(value, float) else np.isfinite(value).all()
    if not finite:
        raise DivergedError(
            f"training diverged: after {step:,} updates {name} is not finite; use a smaller --lr"
        )
