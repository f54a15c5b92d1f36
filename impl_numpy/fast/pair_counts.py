"""The gradient from pair counts in arrays made once. Plain twin:
``impl_numpy/pair_counts.py``.

The gradient is equal to the twin's in every bit; the loss is summed in another order.
Ids are not checked: one outside [0, V) would be counted in another cell, or raise
NumPy's ``ValueError``.
"""

import math

import numpy as np

from common.arrays import Array, Ids
from impl_numpy import pair_counts


class PairCounts:
    """Loss and gradient of a table of one shape and dtype, again and again."""

    def __init__(self, W: Array) -> None:
        self.z, self.e, self.C = (np.empty_like(W, order="C") for _ in range(3))
        self.n, self.s = (np.empty_like(W[:, :1]) for _ in range(2))

    def loss_and_gradient(
        self, W: Array, idx: Ids, targets: Ids
    ) -> tuple[float, Array]:
        """As the plain twin; ``dW`` is overwritten by the next call."""
        N = idx.size
        # below this whole numbers are exact in float32, and so are their sums
        if N >= 2**24:
            return pair_counts.loss_and_gradient(W, idx, targets)
        C, n, s, z, e = self.C, self.n, self.s, self.z, self.e
        rows = idx.ravel().astype(np.intp, copy=False)  # NumPy 2.0 counts no uint64
        cells = rows * len(W)
        np.add(cells, targets.ravel(), out=cells, dtype=np.intp)
        C.ravel()[:] = np.bincount(cells, minlength=C.size)
        n.ravel()[:] = np.bincount(rows, minlength=len(W))

        np.maximum.reduce(W, axis=1, keepdims=True, out=s)
        np.subtract(W, s, out=z)
        np.exp(z, out=e)
        np.add.reduce(e, axis=1, keepdims=True, out=s)
        z *= C
        # The mean of -log p = log s - z: neither term is below zero, so nothing
        # cancels.
        loss = float(((n * np.log(s)).sum() - z.sum()) / N)
        # an infinite logit, perhaps in a row that does not count
        if not math.isfinite(loss):
            return pair_counts.loss_and_gradient(W, idx, targets)
        dW = e
        dW /= s  # p
        dW *= n
        dW -= C
        dW /= N
        return loss, dW
