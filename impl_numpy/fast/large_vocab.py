"""The same training step where the vocabulary is large: a fast form beside its plain twins.

A batch of N tokens holds at most N different characters, so where V is large most rows of the gradient are
zero, and the table and its moments no longer fit in the processor's cache. Two things follow:

    gradient   only the rows that occur are computed, and no (V, V) array is made for it
               plain twin: ``pair_counts.py``
    AdamW      a row without gradient only decays and fades, in ten passes instead of fourteen; and all
               passes go over one block of rows before the next, while it is in the cache
               plain twin: ``adamw.py``, to the last bit

At V = 65 it is the slower one, and it is not the place to learn how the gradient comes about.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.arrays import Array, Ids
from common.config import Config
from common.pairs import check_pairs
from common.training import TrainerState
from impl_numpy.adamw import AdamW
from impl_numpy.trainer import NumpyTrainer

LARGE = 256  # the vocabulary from which this step is the faster one
BLOCK = 2**18  # bytes of one array in a block; at most six are at work at a time


def rows_of_gradient(W: Array, idx: Ids, targets: Ids) -> tuple[float, NDArray[np.intp], Array]:
    """Mean cross-entropy in nats, the ``R`` rows that ``idx`` holds, ascending, and ``dW[rows]``, (R, V);
    every other row of dW is zero. Takes and raises what ``pair_counts.loss_and_gradient`` does."""
    V = len(W)
    check_pairs(idx, targets, V)
    idx, targets = idx.ravel(), targets.ravel()
    counts = np.bincount(idx)
    rows = np.flatnonzero(counts)
    n = counts[rows, None].astype(W.dtype)
    place = np.empty(V, np.intp)  # of each row of W in dW[rows]
    place[rows] = np.arange(len(rows))
    cells, C = np.unique(place[idx] * V + targets.astype(np.intp), return_counts=True)
    C = C.astype(W.dtype)

    z = W[rows]  # in C order whatever W's is
    z -= z.max(axis=1, keepdims=True)
    seen = z.ravel()[cells]
    e = np.exp(z, out=z)
    s = e.sum(axis=1, keepdims=True)  # in pairs; `e @ ones` adds one by one, 100 roundings off at V = 4,096
    loss = float(((n * np.log(s)).sum() - (C * seen).sum()) / idx.size)
    dW = e
    dW *= n / s
    dW.ravel()[cells] -= C  # each cell once, with its count: nothing is lost
    dW /= idx.size
    return loss, rows, dW


class RowAdamW(AdamW):
    """``AdamW`` for a gradient that is given by its rows, block by block, equal to it in every bit."""

    def __init__(self, W: Array, *settings: Any, **named: Any) -> None:
        """Takes what ``AdamW`` takes."""
        super().__init__(W, *settings, **named)
        self.rows_in_block = min(len(W), max(1, BLOCK // W[:1].nbytes))
        self._term, self._denominator, self._gradient = np.empty((3, self.rows_in_block, W.shape[1]), W.dtype)

    def step(self, W: Array, dW: Array) -> None:
        """One update of ``W`` from its whole gradient ``dW``."""
        self.step_rows(W, np.arange(len(W)), dW)

    def step_rows(self, W: Array, rows: NDArray[np.intp], dW: Array) -> None:
        """One update of ``W``, (V, V), from the ``rows``, (R,) ascending, of its gradient, ``dW`` (R, V)."""
        self.steps += 1
        size = self.rows_in_block
        starts = range(0, len(W), size)
        ends = np.searchsorted(rows, [*starts, len(W)])
        for i, start in enumerate(starts):
            block = slice(start, start + size)
            w, m, v = W[block], self.exp_avg[block], self.exp_avg_sq[block]
            here, g = rows[ends[i] : ends[i + 1]] - start, dW[ends[i] : ends[i + 1]]
            if len(here) == len(w):
                self._update(w, g, m, v)
            elif 2 * len(here) > len(w) or self.betas[0] <= 0.5:  # there lerp goes from the other end
                whole = self._gradient[: len(w)]
                whole[...] = 0
                whole[here] = g
                self._update(w, whole, m, v)
            else:
                updated = w[here], m[here], v[here]  # copies
                self._update(updated[0], g, *updated[1:])
                self._fade(w, m, v)
                w[here], m[here], v[here] = updated

    def _fade(self, W: Array, m: Array, v: Array) -> None:
        """``_update`` where the gradient is zero, so that four of its fourteen passes change nothing."""
        beta1, beta2 = self.betas
        term, denominator = self._term[: len(W)], self._denominator[: len(W)]
        W *= 1 - self.lr * self.weight_decay
        np.multiply(m, 1 - beta1, out=term)
        m -= term
        v *= beta2
        np.sqrt(v, out=denominator)
        denominator /= math.sqrt(1 - beta2**self.steps)
        denominator += self.eps
        np.multiply(m, -self.lr / (1 - beta1**self.steps), out=term)
        term /= denominator
        W += term


class LargeVocabularyTrainer(NumpyTrainer):
    """``NumpyTrainer`` with both."""

    optimizer: RowAdamW

    def __init__(self, table: Array, config: Config) -> None:
        super().__init__(table, config)
        self.optimizer = RowAdamW(table, config.lr, config.betas, config.eps, config.weight_decay)
        self.rows: NDArray[np.intp] | None = None  # that dW holds; None where it holds all

    def step(self, idx: Ids, targets: Ids) -> float:
        W = self.model.token_embedding_table
        if 64 * idx.size > W.size:  # so many pairs are counted faster in a table than by sorting them
            self.rows = None
            return super().step(idx, targets)
        loss, self.rows, self.dW = rows_of_gradient(W, idx, targets)
        self.optimizer.step_rows(W, self.rows, self.dW)
        return loss

    def state(self) -> TrainerState:
        """The gradient is a copy: nobody needs the whole of it but who asks."""
        state = super().state()
        if self.rows is None:
            return state
        gradient = np.zeros_like(state.weight)
        gradient[self.rows] = self.dW
        return state._replace(gradient=gradient)


def trainer_for(table: Array, config: Config) -> NumpyTrainer:
    """The faster trainer for a (V, V) table."""
    return (LargeVocabularyTrainer if len(table) >= LARGE else NumpyTrainer)(table, config)
