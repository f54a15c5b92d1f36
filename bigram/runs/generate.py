"""A saved model continues a text."""

from dataclasses import dataclass, replace

import numpy as np

from bigram.runs.checkpoint import Checkpoint
from bigram.runs.records import make_trainer, sample_draws, sample_start
from common.config import Config
from common.tokenizer import CharTokenizer


@dataclass(frozen=True)
class ModelCorpus:
    """The text that a saved model was trained on."""

    name: str
    sha256: str


@dataclass(frozen=True)
class Continuation:
    """The result of ``bigram generate``."""

    corpus: ModelCorpus
    config: Config  # with the seed that was used
    backend: str
    step: int  # updates that the model was trained for
    prompt: str
    text: str  # the prompt too


def generate(
    checkpoint: Checkpoint, prompt: str, tokens: int, seed: int | None, backend: str, device: str
) -> Continuation:
    """Continues ``prompt`` by that many ``tokens``. An empty prompt, with the run's own seed, for
    which None stands, gives the sample of ``train``.

    Raises ``UserError`` at a character of the prompt that the model does not know.
    """
    tokenizer = CharTokenizer(checkpoint.vocab)
    config = checkpoint.config if seed is None else replace(checkpoint.config, seed=seed)
    idx = tokenizer.encode(prompt).astype(np.int64)[None] if prompt else sample_start()
    rng = np.random.default_rng(config.seed)
    rng.spawn(1)  # the first is for evaluation, here as in training
    trainer = make_trainer(backend, checkpoint.table, config, device)
    written = trainer.generate(idx, sample_draws(config, rng, tokens))[0, idx.shape[1] :]
    corpus = ModelCorpus(checkpoint.corpus_name, checkpoint.corpus_sha256)
    text = prompt + tokenizer.decode(written)
    return Continuation(corpus, config, backend, checkpoint.step, prompt, text)
