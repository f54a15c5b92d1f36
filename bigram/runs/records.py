"""The records of ``train``, ``compare``, ``optimum`` and ``generate``: each is a frozen dataclass,
and ``strict_json.py`` makes JSON of it. Also the draws that decide the sample. No
torch here."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common.config import Config
from common.text.corpus import Corpus
from common.training import Evaluation, Trainer

SAMPLE_LENGTH = 500  # characters


def sample_start() -> NDArray[np.int64]:
    """(1, 1): the text that a sample continues is character 0, in most texts the newline."""
    return np.zeros((1, 1), dtype=np.int64)


def sample_draws(
    config: Config, rng: np.random.Generator, length: int = SAMPLE_LENGTH
) -> NDArray[np.floating]:
    """(1, length) uniform draws in the dtype of the run, from a spawned generator."""
    return rng.spawn(1)[0].random((1, length), dtype=np.dtype(config.dtype).type)


def make_trainer(backend: str, table: NDArray[np.floating], config: Config, device: str) -> Trainer:
    """The trainer of ``backend``, imported here, so that NumPy's side runs where torch is not
    installed."""
    if backend == "numpy":
        from impl_numpy.fast.trainer import trainer_for

        return trainer_for(table, config)
    from impl_torch.trainer import TorchTrainer

    return TorchTrainer(table, config, device)


@dataclass(frozen=True)
class CorpusRecord:
    """Names a text, so that a figure can be made again."""

    name: str
    source: str
    sha256: str
    characters: int
    vocab_size: int


@dataclass(frozen=True)
class Sample:
    """A text that a model wrote."""

    text: str


@dataclass(frozen=True)
class TrainRecord:
    """A run of ``bigram train``."""

    corpus: CorpusRecord
    config: Config
    backend: str
    resumed_at: int | None  # updates that were made before; None for a run from its beginning
    step: int | None  # updates made
    saved: str | None  # the newest checkpoint
    history: list[Evaluation[float]]
    seconds: float
    sample: Sample


def corpus_record(corpus: Corpus) -> CorpusRecord:
    """The record of ``corpus``."""
    tokenizer = corpus.tokenizer
    return CorpusRecord(
        corpus.name, corpus.source, corpus.sha256, corpus.characters, tokenizer.vocab_size
    )
