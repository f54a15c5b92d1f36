"""The gradient where the vocabulary is large. Plain twin:
``impl_numpy/pair_counts.py``.

A batch of N tokens holds at most N different characters, so where V is large most rows
of the gradient are zero: only the rows that occur are computed, and no (V, V) array is
made. They are equal to the twin's in every bit; the loss is summed in another order.
Ids are not checked.
"""

import numpy as np
from numpy.typing import NDArray

from common.arrays import Array, Ids


def rows_of_gradient(
    W: Array, idx: Ids, targets: Ids
) -> tuple[float, NDArray[np.intp], Array]:
    """Mean cross-entropy in nats, the ``R`` rows that ``idx`` holds, ascending, and
    ``dW[rows]``, (R, V); every other row of dW is zero."""
    V, N = len(W), idx.size
    idx, targets = (ids.ravel().astype(np.intp, copy=False) for ids in (idx, targets))
    counts = np.bincount(idx)  # NumPy 2.0 counts no uint64
    rows = np.flatnonzero(counts)
    n = counts[rows, None].astype(W.dtype)
    row_in_dW = np.empty(V, np.intp)
    row_in_dW[rows] = np.arange(len(rows))
    cells, C = np.unique(row_in_dW[idx] * V + targets, return_counts=True)
    C = C.astype(W.dtype)

    z = W.take(rows, axis=0)  # in C order for any order of W
    z -= z.max(axis=1, keepdims=True)
    z_of_pairs = z.ravel()[cells]
    e = np.exp(z, out=z)
    s = e.sum(axis=1, keepdims=True)
    loss = float(((n * np.log(s)).sum() - (C * z_of_pairs).sum()) / N)
    dW = e
    dW /= s  # p
    dW *= n
    dW.ravel()[cells] -= C  # each cell once, with its count: nothing is lost
    dW /= N
    return loss, rows, dW
