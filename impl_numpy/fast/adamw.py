"""AdamW in place, equal in every bit to its plain twin ``impl_numpy/adamw.py``.

No array is made in a step. A large table is updated block by block, all passes over one
block before the next, while it is in the processor's cache; and a gradient may be given
by its rows alone.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.arrays import Array
from impl_numpy.adamw import AdamW

BLOCK = 2**18  # bytes of one array in a block; at most six are at work at a time


class FastAdamW(AdamW):
    """``AdamW`` with arrays of one block for the intermediate results."""

    def __init__(self, W: Array, *settings: Any, **named: Any) -> None:
        """The arguments of ``AdamW``."""
        super().__init__(W, *settings, **named)
        self.rows_in_block = min(len(W), max(1, BLOCK // W[:1].nbytes))
        self._term, self._denominator, self._gradient = np.zeros(
            (3, self.rows_in_block, *W.shape[1:]), W.dtype
        )

    def step(self, W: Array, dW: Array) -> None:
        """As ``AdamW.step``."""
        self.steps += 1
        for start in range(0, len(W), self.rows_in_block):
            block = slice(start, start + self.rows_in_block)
            self._update(W, dW[block], block)

    def step_rows(self, W: Array, rows: NDArray[np.intp], dW: Array) -> None:
        """One update of ``W``, (V, V), from the ``rows``, (R,) ascending, of its
        gradient: ``dW``, (R, V). All other rows of the gradient are zero."""
        self.steps += 1
        size = self.rows_in_block
        ends = np.searchsorted(rows, range(0, len(W) + size, size))
        for i, start in enumerate(range(0, len(W), size)):
            part, block = slice(ends[i], ends[i + 1]), slice(start, start + size)
            # zeros, but for these rows and only until the update
            g = self._gradient[: len(W) - start]
            here = rows[part] - start
            g[here] = dW[part]
            self._update(W, g, block, here)
            g[here] = 0

    def _update(
        self, W: Array, g: Array, block: slice, here: NDArray[np.intp] | None = None
    ) -> None:
        """The update of a block of rows from its gradient ``g``, which is zero in all
        rows but those that ``here`` lists, if it is given."""
        beta1, beta2 = self.betas
        W, m, v = W[block], self.exp_avg[block], self.exp_avg_sq[block]
        term, denominator = self._term[: len(W)], self._denominator[: len(W)]
        W *= 1 - self.lr * self.weight_decay

        weight = W.dtype.type(1 - beta1)
        np.subtract(g, m, out=term)
        if weight < 0.5:
            term *= weight
            m += term
        else:
            term *= 1 - weight
            np.subtract(g, term, out=m)
        v *= beta2
        # a few rows take less time than three passes
        if here is not None and 3 * len(here) < len(W):
            some = g[here]
            v[here] += (1 - beta2) * some * some
        else:
            np.multiply(g, 1 - beta2, out=term)
            term *= g
            v += term

        np.sqrt(v, out=denominator)
        denominator /= math.sqrt(1 - beta2**self.steps)
        denominator += self.eps
        np.multiply(m, self.lr / (1 - beta1**self.steps), out=term)
        term /= denominator
        W -= term
