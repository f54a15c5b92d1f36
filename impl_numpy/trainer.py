"""A training step by hand: two lines, for nothing accumulates and nothing is hidden.
Beside it: ``impl_torch/trainer.py``.
"""

import numpy as np
from numpy.typing import NDArray

from common.arrays import Ids
from common.config import Config
from common.training import TrainerState
from impl_numpy import pair_counts
from impl_numpy.adamw import AdamW
from impl_numpy.fast.generation import generate
from impl_numpy.model import BigramLanguageModel


class NumpyTrainer:
    """A model and its optimizer, driven by ``common.training.train``."""

    def __init__(self, table: NDArray[np.floating], config: Config) -> None:
        """``table``: the (V, V) initial logits; copied."""
        self.model = BigramLanguageModel(len(table), dtype=table.dtype)
        self.model.token_embedding_table[...] = table
        self.optimizer = AdamW(table, config.lr, config.betas, config.eps, config.weight_decay)
        self.dW = np.zeros_like(table)

    def restore(self, exp_avg: NDArray[np.floating], exp_avg_sq: NDArray[np.floating], steps: int) -> None:
        """Goes on where another trainer stopped after ``steps`` updates: this one was made from its table,
        and is given its moments, (V, V) each; copied."""
        self.optimizer.exp_avg[...] = exp_avg
        self.optimizer.exp_avg_sq[...] = exp_avg_sq
        self.optimizer.steps = steps

    def step(self, idx: Ids, targets: Ids) -> float:
        """One update on a batch, (B, T) each. Returns the loss before it, in nats."""
        loss, self.dW = self.model.loss_and_gradient(idx, targets)
        self.optimizer.step(self.model.token_embedding_table, self.dW)
        return loss

    def evaluate(self, counts: NDArray[np.int64]) -> float:
        """The mean loss over counted pairs, in nats. ``counts``: (V, V)."""
        return pair_counts.loss_of_counts(self.model.token_embedding_table, counts)

    def generate(self, idx: NDArray[np.int64], uniforms: NDArray[np.floating]) -> NDArray[np.integer]:
        """Continues ``idx`` (B, T) by one token for each column of ``uniforms``."""
        return generate(self.model.token_embedding_table, idx, uniforms)

    def state(self) -> TrainerState:
        """Views, not copies: they change with the next step."""
        optimizer = self.optimizer
        return TrainerState(
            self.model.token_embedding_table, self.dW, optimizer.exp_avg, optimizer.exp_avg_sq
        )
