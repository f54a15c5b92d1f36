"""The trainer that runs: the twin of ``impl_numpy/trainer.py`` on the fast forms, equal
in every bit but those of the loss. ``trainer_for`` is the one place where a form is
chosen."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from common.arrays import Array, Ids
from common.config import Config
from common.training import TrainerState
from impl_numpy.fast.adamw import FastAdamW
from impl_numpy.fast.generation import generate
from impl_numpy.fast.large_vocab import rows_of_gradient
from impl_numpy.fast.pair_counts import PairCounts
from impl_numpy.trainer import NumpyTrainer

LARGE = 256  # the vocabulary from which the rows that occur are computed alone


class FastTrainer(NumpyTrainer):
    """``NumpyTrainer`` on fast forms. Ids are not checked here:
    ``common.training.train`` checks a corpus once, before its first step."""

    optimizer: FastAdamW

    def __init__(self, table: Array, config: Config) -> None:
        super().__init__(table, config)
        self.optimizer = FastAdamW(
            table, config.lr, config.betas, config.eps, config.weight_decay
        )

    @cached_property
    def counts(self) -> PairCounts:
        """Made with the first batch that needs it."""
        return PairCounts(self.model.token_embedding_table)

    def step(self, idx: Ids, targets: Ids) -> float:
        W = self.model.token_embedding_table
        loss, self.dW = self.counts.loss_and_gradient(W, idx, targets)
        self.optimizer.step(W, self.dW)
        return loss

    def generate(self, idx: Ids, uniforms: Array) -> Ids:
        return generate(self.model.token_embedding_table, idx, uniforms)


class LargeVocabularyTrainer(FastTrainer):
    """``FastTrainer`` for tables of which a batch holds only some rows."""

    rows: NDArray[np.intp] | None = None  # that dW holds; None where it holds all

    def step(self, idx: Ids, targets: Ids) -> float:
        W = self.model.token_embedding_table
        # so many pairs are counted faster in a table than by sorting them
        if 64 * idx.size > W.size:
            self.rows = None
            return super().step(idx, targets)
        loss, self.rows, self.dW = rows_of_gradient(W, idx, targets)
        self.optimizer.step_rows(W, self.rows, self.dW)
        return loss

    def state(self) -> TrainerState:
        """The gradient is a copy: a step does not need the whole of it."""
        state = super().state()
        if self.rows is None:
            return state
        gradient = np.zeros_like(state.weight)
        gradient[self.rows] = self.dW
        return state._replace(gradient=gradient)


def trainer_for(table: Array, config: Config) -> NumpyTrainer:
    """The fastest trainer for a (V, V) table."""
    return (LargeVocabularyTrainer if len(table) >= LARGE else FastTrainer)(
        table, config
    )
