"""A training step by autograd. Beside it: ``impl_numpy/trainer.py``."""

import numpy as np
import torch
from torch.nn import functional as F

from common.arrays import Array, Ids
from common.config import Config
from common.training import TrainerState
from impl_torch.device import pick_device
from impl_torch.model import BigramLanguageModel


class TorchTrainer:
    """A model and its optimizer, driven by ``common.training.train``."""

    def __init__(self, table: Array, config: Config, device: str = "cpu") -> None:
        """``table``: the (V, V) initial logits; copied."""
        self.device = pick_device(device, config.dtype)
        dtype = getattr(torch, config.dtype)
        self.model = BigramLanguageModel(len(table)).to(self.device, dtype)
        with torch.no_grad():  # copied: from_numpy shares the memory of the table
            self.model.token_embedding_table.weight.copy_(torch.from_numpy(table))
        settings = (config.lr, config.betas, config.eps, config.weight_decay)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), *settings)

    def restore(self, exp_avg: Array, exp_avg_sq: Array, steps: int) -> None:
        """Continues a run after ``steps`` updates from its moments, (V, V) each;
        copied. This trainer was made from the table of that run."""
        self.optimizer.state[self.model.token_embedding_table.weight] = {
            # torch counts in float32, to 2**24; bias corrections are 1 long before
            "step": torch.tensor(float(min(steps, 2**24))),
            "exp_avg": self._tensor(exp_avg).clone(),
            "exp_avg_sq": self._tensor(exp_avg_sq).clone(),
        }

    def step(self, idx: Ids, targets: Ids) -> float:
        """One update on a batch, (B, T) each. Returns the loss before it, in nats."""
        _, loss = self.model(self._tensor(idx), self._tensor(targets))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return float(loss.detach())  # waits for the device

    def evaluate(self, counts: Ids) -> float:
        """The mean loss over counted pairs, in nats. ``counts``: (V, V)."""
        logits = self.model.token_embedding_table.weight.detach()
        idx, targets = np.nonzero(counts)
        losses = -F.log_softmax(logits, dim=-1)[idx, targets]
        weights = self._tensor(counts[idx, targets]).to(losses.dtype)
        return float((losses * weights).sum() / weights.sum())

    def generate(self, idx: Ids, uniforms: Array) -> Ids:
        """Continues ``idx`` (B, T) by one token for each column of ``uniforms``."""
        arguments = self._tensor(idx), uniforms.shape[1], self._tensor(uniforms)
        return self.model.generate(*arguments).cpu().numpy()

    def state(self) -> TrainerState:
        """Views where the CPU has them, not copies: they change with the next step."""
        W = self.model.token_embedding_table.weight
        zeros, moments = torch.zeros_like(W), self.optimizer.state[W]
        dW = zeros if W.grad is None else W.grad  # None before the first step
        m, v = moments.get("exp_avg", zeros), moments.get("exp_avg_sq", zeros)
        return TrainerState(*(t.detach().cpu().numpy() for t in (W, dW, m, v)))

    def _tensor(self, array: Array | Ids) -> torch.Tensor:
        return torch.from_numpy(array).to(self.device)
