"""The one loop that drives any trainer: batch, step, evaluate. It computes nothing
itself.

``NumpyTrainer`` and ``TorchTrainer`` are trainers. Two of them that take every step
together are driven by the same loop (``bigram/runs/compare.py``).
"""

from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from common.arrays import Array, Ids
from common.batcher import Batcher
from common.config import Config
from common.memory import check_batch_fits
from common.pairs import check_ids, count_pairs, count_text_pairs
from common.text.corpus import Corpus

# a float; where two trainers run together, one of each
Loss = TypeVar("Loss", covariant=True)


class TrainerState(NamedTuple):
    """All that training changes, (V, V) each, as NumPy arrays in the dtype of the
    run."""

    weight: Array
    gradient: Array  # of the last step; zeros before the first
    exp_avg: Array
    exp_avg_sq: Array


class Stepper(Protocol[Loss]):
    """The methods that the loop calls."""

    def step(self, idx: Ids, targets: Ids, /) -> Loss:
        """One update on a batch, (B, T) each; the loss before it, in nats."""

    def evaluate(self, counts: NDArray[np.int64], /) -> Loss:
        """The mean loss over counted pairs, (V, V), in nats."""


class Trainer(Stepper[float], Protocol):
    """One model: the methods above, and those that checkpoints and samples need."""

    def restore(self, exp_avg: Array, exp_avg_sq: Array, steps: int, /) -> None:
        """Continues a run after ``steps`` updates from its moments, (V, V) each."""

    def generate(self, idx: Ids, uniforms: Array, /) -> Ids:
        """Continues ``idx`` (B, T) by one token for each column of ``uniforms``."""

    def state(self) -> TrainerState:
        """The arrays as they are now; the next step may change them."""


class Evaluation(NamedTuple, Generic[Loss]):
    """Losses of both splits after ``step`` updates, in nats."""

    step: int
    train: Loss
    val: Loss


class Progress(NamedTuple, Generic[Loss]):
    """A run after ``step`` updates."""

    step: int
    loss: Loss | None  # of the batch of the last update; None before the first
    evaluation: Evaluation[Loss] | None  # if this step was evaluated


def initial_table(vocab_size: int, dtype: str, rng: np.random.Generator) -> Array:
    """(V, V) from N(0, 1), as ``nn.Embedding`` starts. Drawn in double and rounded, so
    that a float32 run starts from the float64 run's table and sees its batches."""
    return rng.standard_normal((vocab_size, vocab_size)).astype(dtype)


def train(
    trainer: Stepper[Loss],
    corpus: Corpus,
    config: Config,
    rng: np.random.Generator,
    evaluation_rng: np.random.Generator | None = None,
    first: int = 0,
) -> Iterator[Progress[Loss]]:
    """Runs the schedule of ``config``, one ``Progress`` for each state of the model:
    before the first update, and after each. The caller prints, saves, and stops when it
    likes.

    Batches come from ``rng``, starting from its present state; sampled evaluation draws
    from ``evaluation_rng``, spawned off it unless given, so evaluation never changes
    training. A run that stopped after ``k`` updates continues with trainer and
    generators as they were then and ``first = k + 1``, the first state that it has not
    reported. Raises ``UserError`` where a split is too short for a block, memory too
    small for a batch, or an id of the corpus outside [0, V): ids are checked here once,
    not at every step.
    """
    check_batch_fits(config)
    V = corpus.tokenizer.vocab_size
    for part in (corpus.train, corpus.val):
        check_ids(part, V, "the text")
    batcher = Batcher(corpus.train, config.batch_size, config.block_size, rng)
    evaluation_rng = evaluation_rng or rng.spawn(1)[0]
    train_pairs, val_pairs = (
        pairs_to_evaluate(part, V, config, evaluation_rng)
        for part in (corpus.train, corpus.val)
    )

    def steps() -> Iterator[Progress[Loss]]:
        loss = None
        for step in range(first, config.max_iters + 1):
            if step > 0:
                loss = trainer.step(*batcher.get_batch())
            evaluation = None
            if step % config.eval_interval == 0 or step == config.max_iters:
                losses = (
                    trainer.evaluate(train_pairs()),
                    trainer.evaluate(val_pairs()),
                )
                evaluation = Evaluation(step, *losses)
            yield Progress(step, loss, evaluation)

    # a nested generator, so the checks above run at the call, not at next()
    return steps()


def pairs_to_evaluate(
    tokens: Ids, vocab_size: int, config: Config, rng: np.random.Generator
) -> Callable[[], NDArray[np.int64]]:
    """A function that returns the (V, V) counts of the pairs to evaluate a split on.

    A bigram loss over a text is a mean over its distinct pairs, weighted by their
    counts. So the exact loss of the whole split costs one table, and the average over
    ``config.eval_iters`` random batches is the same sum over the pairs that were drawn.
    """
    if config.eval_iters is None:
        counts = count_text_pairs(tokens, vocab_size)
        return lambda: counts
    batches = Batcher(
        tokens, config.batch_size * config.eval_iters, config.block_size, rng
    )
    return lambda: count_pairs(*batches.get_batch(), vocab_size)
