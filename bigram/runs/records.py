"""What ``train`` and ``compare`` have in common: the draws that decide the sample, and how a run says
what it was run on. No torch here."""

import json
import math
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.config import Config
from common.text.corpus import Corpus

SAMPLE_LENGTH = 500  # characters


def sample_start() -> NDArray[np.int64]:
    """(1, 1): the text that a sample continues is character 0, in most texts the newline."""
    return np.zeros((1, 1), dtype=np.int64)


def sample_draws(
    config: Config, rng: np.random.Generator, length: int = SAMPLE_LENGTH
) -> NDArray[np.floating]:
    """(1, length) uniform draws in the dtype of the run, off a generator of their own."""
    return rng.spawn(1)[0].random((1, length), dtype=np.dtype(config.dtype).type)


def make_trainer(backend: str, table: NDArray[np.floating], config: Config, device: str) -> Any:
    """The trainer of ``backend``, imported here, so that NumPy's side runs where torch is not installed."""
    if backend == "numpy":
        from impl_numpy.fast.trainer import trainer_for

        return trainer_for(table, config)
    from impl_torch.trainer import TorchTrainer

    return TorchTrainer(table, config, device)


def to_json(record: dict[str, Any]) -> str:
    """One line of strict JSON. What is infinite or not a number is null, for JSON has no word for it."""

    def strict(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: strict(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [strict(item) for item in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return json.dumps(strict(record), allow_nan=False)


def corpus_record(corpus: Corpus) -> dict[str, Any]:
    """What a figure has to say of its text, so that it can be made again."""
    return {
        "name": corpus.name,
        "source": corpus.source,
        "sha256": corpus.sha256,
        "characters": corpus.characters,
        "vocab_size": corpus.tokenizer.vocab_size,
    }


def config_record(config: Config) -> dict[str, Any]:
    """Every hyperparameter of the run."""
    return asdict(config) | {"betas": list(config.betas)}
