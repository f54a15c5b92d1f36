"""Adam with decoupled weight decay (AdamW), in PyTorch's own order of operations.

    W     <- W * (1 - lr * weight_decay)
    m     <- m + (1 - beta1) * (g - m)
    v     <- v * beta2 + (1 - beta2) * g * g
    W     <- W - lr / (1 - beta1**t) * m / (sqrt(v) / sqrt(1 - beta2**t) + eps)

Loshchilov and Hutter, "Decoupled Weight Decay Regularization", https://arxiv.org/abs/1711.05101,
algorithm 2, as https://pytorch.org/docs/stable/generated/torch.optim.AdamW.html has it. Where that
differs from the paper, PyTorch is followed: the decay is multiplied by lr and comes before the update,
and there is no separate schedule multiplier. eps is outside the root and is added after the bias
correction (Keras and ONNX add it before).

A different order gives the same numbers on paper and others in floating point: with this one whole
training runs can be held against torch to the last few bits. ``impl_torch`` has no such file: this is what
``torch.optim`` buys.
"""

import math

import numpy as np

from common.arrays import Array


class AdamW:
    """Moments for one table. ``step`` works in place and allocates no array."""

    def __init__(
        self,
        W: Array,  # the table to be trained; only its shape and dtype are used
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        self.lr = lr
        self.betas = betas
        self.eps = eps
        self.weight_decay = weight_decay
        self.steps = 0  # t, updates made
        self.exp_avg = np.zeros_like(W)  # m, the running mean of the gradient
        self.exp_avg_sq = np.zeros_like(W)  # v, the running mean of its square
        self._term = np.empty_like(W)
        self._denominator = np.empty_like(W)

    def step(self, W: Array, dW: Array) -> None:
        """One update of ``W`` from its gradient ``dW``, which is left as it is. Every row decays and
        every moment fades, also those of characters that the batch did not hold."""
        self.steps += 1
        self._update(W, dW, self.exp_avg, self.exp_avg_sq)

    def _update(self, W: Array, dW: Array, m: Array, v: Array) -> None:
        """The update of a table, or of some rows of one, and of their moments ``m`` and ``v``, in place."""
        beta1, beta2 = self.betas
        term, denominator = self._term[: len(W)], self._denominator[: len(W)]
        # Scalars are Python floats, worked out in double and rounded once to the dtype of the array
        # they meet. np.float64 scalars would turn float32 arrays into float64 ones.
        bias_correction1 = 1 - beta1**self.steps
        bias_correction2_sqrt = math.sqrt(1 - beta2**self.steps)

        W *= 1 - self.lr * self.weight_decay

        self._lerp(m, dW, 1 - beta1, term)

        v *= beta2
        np.multiply(dW, 1 - beta2, out=term)
        term *= dW
        v += term

        np.sqrt(v, out=denominator)
        denominator /= bias_correction2_sqrt
        denominator += self.eps

        np.multiply(m, -self.lr / bias_correction1, out=term)
        term /= denominator
        W += term

    def _lerp(self, m: Array, g: Array, weight: float, term: Array) -> None:
        """m + weight * (g - m), in place, from whichever end is nearer, as ``torch.lerp`` goes."""
        one, w = m.dtype.type(1), m.dtype.type(weight)
        np.subtract(g, m, out=term)
        if w < 0.5:  # the weight as it is rounded to the dtype decides,
            term *= w
            m += term
        else:  # and 1 - w is not beta1, but taken from that rounded weight too
            term *= one - w
            np.subtract(g, term, out=m)
