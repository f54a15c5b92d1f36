"""What ``bigram train`` does: one model through the schedule, then a sample of what it writes."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from bigram.runs import config_record, corpus_record, sample_draws, sample_start
from bigram.tables import evaluation_line, run_header
from common.config import Config
from common.corpus import Corpus
from common.training import initial_table, train


def train_and_report(
    corpus: Corpus,
    config: Config,
    backend: str,
    device: str,
    say: Callable[[str], object],
    on_step: Callable[[int], object],
) -> dict[str, Any]:
    """Trains on ``backend``, "numpy" or "torch", and returns the run, ready for JSON. ``say`` is given each
    line of the report as soon as it is known; ``on_step`` is told the updates made."""
    rng = np.random.default_rng(config.seed)
    table = initial_table(corpus.tokenizer.vocab_size, config.dtype, rng)
    # Imported here, so that NumPy's side runs where torch is not installed.
    if backend == "numpy":
        from impl_numpy.large_vocab import trainer_for

        trainer: Any = trainer_for(table, config)
    else:
        from impl_torch.trainer import TorchTrainer

        trainer = TorchTrainer(table, config, device)

    history: list[dict[str, Any]] = []
    result: dict[str, Any] = {
        "corpus": corpus_record(corpus),
        "config": config_record(config),
        "backend": backend,
        "history": history,
    }
    run = train(trainer, corpus, config, rng)
    for line in run_header(result):
        say(line)
    start = time.perf_counter()
    for progress in run:
        on_step(progress.step)
        if progress.evaluation:
            history.append(progress.evaluation._asdict())
            say(evaluation_line(*progress.evaluation))
    seconds = time.perf_counter() - start
    say(f"trained   in {seconds:.2f} s with {backend}, evaluation included")

    written = trainer.generate(sample_start(), sample_draws(config, rng))[0, 1:]
    text = corpus.tokenizer.decode(written)
    say(f"\n{text}")
    return result | {"seconds": seconds, "sample": {"text": text}}
