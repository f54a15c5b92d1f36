"""The four lines of a training step, by autograd. Beside it: ``impl_numpy/trainer.py``."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from common.arrays import Ids
from common.config import Config
from common.errors import UserError
from common.training import TrainerState
from impl_torch.model import BigramLanguageModel


class TorchTrainer:
    """A model and its optimizer, driven by ``common.training.train``."""

    def __init__(self, table: NDArray[np.floating], config: Config, device: str = "cpu") -> None:
        """``table``: the (V, V) initial logits; copied. ``device``: see ``pick_device``."""
        self.device = pick_device(device, config.dtype)
        self.model = BigramLanguageModel(len(table)).to(self.device, getattr(torch, config.dtype))
        with torch.no_grad():  # copied, for AdamW works in place and from_numpy shares its memory
            self.model.token_embedding_table.weight.copy_(torch.from_numpy(table))
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), config.lr, config.betas, config.eps, config.weight_decay
        )

    def restore(self, exp_avg: NDArray[np.floating], exp_avg_sq: NDArray[np.floating], steps: int) -> None:
        """Goes on where another trainer stopped after ``steps`` updates: this one was made from its table,
        and is given its moments, (V, V) each; copied."""
        self.optimizer.state[self.model.token_embedding_table.weight] = {
            # torch counts in float32, where 2**24 + 1 is 2**24: from there on it stands still, and so must
            # this. Both bias corrections are 1 long before, unless a beta is within 3e-6 of 1.
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

    @torch.no_grad()
    def evaluate(self, counts: NDArray[np.int64]) -> float:
        """The mean loss over counted pairs, in nats. ``counts``: (V, V)."""
        logits, _ = self.model(torch.arange(len(counts), device=self.device))  # every character once
        idx, targets = np.nonzero(counts)
        losses = -F.log_softmax(logits, dim=-1)[idx, targets]
        weights = self._tensor(counts[idx, targets]).to(losses.dtype)
        return float((losses * weights).sum() / weights.sum())

    def generate(self, idx: NDArray[np.int64], uniforms: NDArray[np.floating]) -> NDArray[np.int64]:
        """Continues ``idx`` (B, T) by one token for each column of ``uniforms``."""
        written = self.model.generate(self._tensor(idx), uniforms.shape[1], self._tensor(uniforms))
        return written.cpu().numpy()

    def state(self) -> TrainerState:
        """On the CPU views, not copies: they change with the next step."""
        weight = self.model.token_embedding_table.weight
        zeros = torch.zeros_like(weight)  # what gradient and moments are before the first step
        moments = self.optimizer.state[weight]
        tensors = (weight.detach(), weight.grad, moments.get("exp_avg"), moments.get("exp_avg_sq"))
        return TrainerState(*((zeros if t is None else t).cpu().numpy() for t in tensors))

    def _tensor(self, array: NDArray) -> torch.Tensor:
        return torch.from_numpy(array).to(self.device)


def pick_device(name: str, dtype: str) -> torch.device:
    """``cpu``, ``cuda`` or ``mps``, or whatever ``auto`` finds, in the order cuda, mps, cpu.

    Raises ``UserError`` where this machine has no such device or it has no such ``dtype``.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available() and dtype != "float64",
        "cpu": True,
    }
    if name == "auto":
        return torch.device(next(device for device, there in available.items() if there))
    if name == "mps" and dtype == "float64":
        raise UserError("mps has no float64; use --dtype float32 or --device cpu")
    if not available[name]:
        raise UserError(f"torch finds no {name} device here; use --device cpu")
    return torch.device(name)
