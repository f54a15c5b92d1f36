"""What ``bigram generate`` does: a saved model continues a text."""

from dataclasses import replace
from typing import Any

import numpy as np

from bigram.runs.checkpoint import Checkpoint
from bigram.runs.records import config_record, make_trainer, sample_draws, sample_start
from common.tokenizer import CharTokenizer


def generate(
    checkpoint: Checkpoint, prompt: str, tokens: int, seed: int | None, backend: str, device: str
) -> dict[str, Any]:
    """Continues ``prompt`` by as many ``tokens``, ready for JSON. An empty prompt begins as the sample of
    ``train`` does and, with the run's own seed, which None stands for, continues as it does.

    Raises ``UserError`` at a character of the prompt that the model does not know.
    """
    tokenizer = CharTokenizer(checkpoint.vocab)
    config = checkpoint.config if seed is None else replace(checkpoint.config, seed=seed)
    idx = tokenizer.encode(prompt).astype(np.int64)[None] if prompt else sample_start()
    rng = np.random.default_rng(config.seed)
    rng.spawn(1)  # the first is for evaluation, here as in training
    trainer = make_trainer(backend, checkpoint.table, config, device)
    written = trainer.generate(idx, sample_draws(config, rng, tokens))[0, idx.shape[1] :]
    return {
        "corpus": {"name": checkpoint.corpus_name, "sha256": checkpoint.corpus_sha256},
        "config": config_record(config),
        "backend": backend,
        "step": checkpoint.step,
        "prompt": prompt,
        "text": prompt + tokenizer.decode(written),
    }
