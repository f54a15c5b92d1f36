"""A training step by autograd: the four lines of ``step``. Beside it: ``impl_numpy/trainer.py``."""

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
        self.model = BigramLanguageModel(len(table)).to(self.device, getattr(torch, config.dtype))
        with torch.no_grad():  # copied, for AdamW works in place and from_numpy shares its memory
            self.model.token_embedding_table.weight.copy_(torch.from_numpy(table))
        settings = (config.lr, config.betas, config.eps, config.weight_decay)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), *settings)

    def restore(self, exp_avg: Array, exp_avg_sq: Array, steps: int) -> None:
        """Continues a run after ``steps`` updates from its moments, (V, V) each; copied. This trainer
        was made from the table of that run."""
        self.optimizer.state[self.model.token_embedding_table.weight] = {
            # torch counts in float32 and stops at 2**24; both bias corrections are 1 long before
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
        logits = self.model.token_embedding_table.weight.detach()  # after every character
        idx, targets = np.nonzero(counts)
        losses = -F.log_softmax(logits, dim=-1)[idx, targets]
        weights = self._tensor(counts[idx, targets]).to(losses.dtype)
        return float((losses * weights).sum() / weights.sum())

    def generate(self, idx: Ids, uniforms: Array) -> Ids:
        """Continues ``idx`` (B, T) by one token for each column of ``uniforms``."""
        written = self.model.generate(self._tensor(idx), uniforms.shape[1], self._tensor(uniforms))
        return written.cpu().numpy()

    def state(self) -> TrainerState:
        """Views where the CPU has them, not copies: they change with the next step."""
        weight = self.model.token_embedding_table.weight
        zeros = torch.zeros_like(weight)  # what gradient and moments are before the first step
        moments = self.optimizer.state[weight]
        tensors = (weight.detach(), weight.grad, moments.get("exp_avg"), moments.get("exp_avg_sq"))
        return TrainerState(*((zeros if t is None else t).cpu().numpy() for t in tensors))

    def _tensor(self, array: Array | Ids) -> torch.Tensor:
        return torch.from_numpy(array).to(self.device)
