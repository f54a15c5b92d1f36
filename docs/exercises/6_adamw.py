"""Exercise 6: AdamW. Twenty minutes.

Write ``step``: four lines, and each of them is often written wrongly.

    bigram check --optimizer mine/6_adamw.py:AdamW

Hints, if you are stuck:

1. The four lines, and the purpose of each:
   docs/derivation.md#what-does-adamw-do-line-by-line
2. ``W`` is changed in place: ``W *= ...`` and ``W -= ...``, not ``W = ...``.
3. The first step is t = 1. Is eps inside the root or outside, and does the decay come before or after?
"""

import numpy as np


class AdamW:
    """Adam with decoupled weight decay, for one table."""

    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, self.betas, self.eps, self.weight_decay = lr, betas, eps, weight_decay
        self.t = 0  # steps made
        self.m = np.zeros_like(W)  # the running mean of the gradient
        self.v = np.zeros_like(W)  # the running mean of its square

    def step(self, W, dW):
        """One update of ``W`` (V, V), in place, from its gradient ``dW``, which is left as it is."""
        raise NotImplementedError("step is yours to write")
