"""A training step by hand. Beside it: ``impl_torch/trainer.py``."""

import numpy as np

from common.arrays import Array, Ids
from common.config import Config
from common.training import TrainerState
from impl_numpy import pair_counts
from impl_numpy.adamw import AdamW
from impl_numpy.model import BigramLanguageModel


class NumpyTrainer:
    """A model and its optimizer, driven by ``common.training.train``."""

    def __init__(self, table: Array, config: Config) -> None:
        """``table``: the (V, V) initial logits; copied."""
        self.model = BigramLanguageModel(len(table), dtype=table.dtype)
        self.model.token_embedding_table[...] = table
        settings = (config.lr, config.betas, config.eps, config.weight_decay)
        self.optimizer = AdamW(table, *settings)
        self.dW = np.zeros_like(table)

    def restore(self, exp_avg: Array, exp_avg_sq: Array, steps: int) -> None:
        """Continues a run after ``steps`` updates from its moments, (V, V) each;
        copied. This trainer was made from the table of that run."""
        self.optimizer.exp_avg[...] = exp_avg
        self.optimizer.exp_avg_sq[...] = exp_avg_sq
        self.optimizer.steps = steps

    def step(self, idx: Ids, targets: Ids) -> float:
        """One update on a batch, (B, T) each. Returns the loss before it, in nats."""
        loss, self.dW = self.model.loss_and_gradient(idx, targets)
        self.optimizer.step(self.model.token_embedding_table, self.dW)
        return loss

    def evaluate(self, counts: Ids) -> float:
        """The mean loss over counted pairs, in nats. ``counts``: (V, V)."""
        return pair_counts.loss_of_counts(self.model.token_embedding_table, counts)

    def generate(self, idx: Ids, uniforms: Array) -> Ids:
        """Continues ``idx`` (B, T) by one token for each column of ``uniforms``."""
        return self.model.generate(idx, uniforms.shape[1], uniforms)

    def state(self) -> TrainerState:
        """Views where the CPU has them, not copies: they change with the next step."""
        W, optimizer = self.model.token_embedding_table, self.optimizer
        return TrainerState(W, self.dW, optimizer.exp_avg, optimizer.exp_avg_sq)
