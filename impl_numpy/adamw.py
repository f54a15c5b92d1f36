"""Adam with decoupled weight decay (AdamW), in PyTorch's own order of operations.

    W     <- W * (1 - lr * weight_decay)
    m     <- m + (1 - beta1) * (g - m)
    v     <- v * beta2 + (1 - beta2) * g * g
    W     <- W - lr / (1 - beta1**t) * m / (sqrt(v) / sqrt(1 - beta2**t) + eps)

Loshchilov and Hutter, "Decoupled Weight Decay Regularization",
https://arxiv.org/abs/1711.05101, algorithm 2, as
https://pytorch.org/docs/stable/generated/torch.optim.AdamW.html has it. Where that
differs from the paper, PyTorch is followed: the decay is multiplied by lr and comes
before the update, and there is no separate schedule multiplier. eps is outside the root
and is added after the bias correction (Keras and ONNX add it before).

A different order gives the same numbers on paper and others in floating point: in this
order whole training runs agree with torch to the last few bits. ``impl_torch`` has no
such file: ``torch.optim`` provides it. The training command runs ``fast/adamw.py``,
which is equal in every bit.
"""

import math

import numpy as np

from common.arrays import Array
from common.config import check_adamw


class AdamW:
    """Moments for one table, and the update of the table."""

    def __init__(
        self,
        W: Array,  # the table to be trained; only its shape and dtype are used
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        """Raises ``UserError`` for a value with which no update can be computed."""
        check_adamw(lr, betas, eps, weight_decay)
        self.lr = lr
        self.betas = betas
        self.eps = eps
        self.weight_decay = weight_decay
        self.steps = 0  # t, updates made
        self.exp_avg = np.zeros_like(W)  # m, the running mean of the gradient
        self.exp_avg_sq = np.zeros_like(W)  # v, the running mean of its square

    def step(self, W: Array, dW: Array) -> None:
        """One update of ``W``, in place, from its gradient ``dW``, which is left as it
        is. Every row decays and every moment fades, also those of characters that the
        batch did not hold."""
        self.steps += 1
        t, (beta1, beta2) = self.steps, self.betas
        m, v = self.exp_avg, self.exp_avg_sq
        # Scalars are Python floats, computed in double and rounded once to the dtype of
        # the array they meet. np.float64 scalars would turn float32 arrays into float64
        # ones.
        W *= 1 - self.lr * self.weight_decay

        weight = W.dtype.type(1 - beta1)
        if weight < 0.5:
            m += weight * (dW - m)
        # the same from the other end, which loses fewer bits here: torch.lerp does so
        # too
        else:
            m[...] = dW - (1 - weight) * (dW - m)
        v *= beta2
        v += (1 - beta2) * dW * dW

        denominator = np.sqrt(v) / math.sqrt(1 - beta2**t) + self.eps
        W -= self.lr / (1 - beta1**t) * m / denominator
