"""NumPy's contenders: the step that ``bigram train`` runs, and its plain twins, each as a ``Job``.

``Plain`` is no contender but the referee of the training step: pair counts and AdamW as they stand in a
textbook, a new array for every operation.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.harness.interleave import Job, Unavailable, last_result
from benchmarks.harness.work import Work
from common.arrays import Array, Ids
from common.config import Config
from common.pairs import count_pairs
from impl_numpy import cross_entropy, pair_counts
from impl_numpy.adamw import AdamW
from impl_numpy.fast.adamw import FastAdamW
from impl_numpy.fast.trainer import trainer_for
from impl_numpy.model import BigramLanguageModel
from impl_numpy.trainer import NumpyTrainer

Gradient = Callable[[Array, Ids, Ids], tuple[float, Array]]


def one_hot(W: Array, idx: Ids, targets: Ids) -> tuple[float, Array]:
    """``cross_entropy.loss_and_gradient`` with the scatter-add as a matrix product."""
    idx, targets = idx.ravel(), targets.ravel()
    loss, p = cross_entropy.cross_entropy(W[idx], targets)
    dlogits = cross_entropy.cross_entropy_backward(p, targets)
    rows = np.zeros((len(idx), len(W)), W.dtype)
    rows[np.arange(len(idx)), idx] = 1
    return float(loss), rows.T @ dlogits


GRADIENTS: dict[str, Gradient] = {
    "numpy-add-at": cross_entropy.loss_and_gradient,
    "numpy-one-hot": one_hot,
    "numpy-pair-counts": pair_counts.loss_and_gradient,
}
TRAINERS = {"numpy-pair-counts": NumpyTrainer, "numpy-step": trainer_for}


def adamw(W: Array, config: Config, kind: type[AdamW] = AdamW) -> AdamW:
    """The project's AdamW with the hyperparameters of ``config``."""
    return kind(W, config.lr, config.betas, config.eps, config.weight_decay)


def refuse_the_endless(work: Work, form: str) -> None:
    """``Unavailable`` for a matrix product of more than 2**37 operations: seconds a step."""
    operations = 2 * work.batches[0][0].size * work.table.size
    if form == "numpy-one-hot" and operations > 2**37:
        raise Unavailable(f"the one-hot product takes {operations / 1e9:,.0f} Gflop a step here")


def step(work: Work, form: str) -> Job:
    """Loss, gradient and AdamW, in place."""
    refuse_the_endless(work, form)
    if form in TRAINERS:
        trainer = TRAINERS[form](work.table, work.config)
        return Job(
            lambda i: trainer.step(*work.batches[i % len(work.batches)]), lambda: trainer.state().weight
        )
    W, gradient = work.table.copy(), GRADIENTS[form]
    optimizer = adamw(W, work.config)

    def run(i: int) -> None:
        _, dW = gradient(W, *work.batches[i % len(work.batches)])
        optimizer.step(W, dW)

    return Job(run, lambda: W)


def gradient(work: Work, form: str) -> Job:
    """Loss and gradient."""
    refuse_the_endless(work, form)
    return last_result(lambda i: GRADIENTS[form](work.table, *work.batches[i % len(work.batches)]))


def forward(work: Work, form: str) -> Job:
    """The mean loss of a batch; per token the logits too, (B, T, V)."""
    model = BigramLanguageModel(len(work.table), dtype=work.table.dtype)
    model.token_embedding_table[...] = work.table

    def per_token(i: int) -> Any:
        return model(*work.batches[i % len(work.batches)])[1]

    def counted(i: int) -> Any:
        idx, targets = work.batches[i % len(work.batches)]
        return pair_counts.loss_of_counts(work.table, count_pairs(idx, targets, len(work.table)))

    return last_result(counted if form == "numpy-pair-counts" else per_token)


def optimizer_step(work: Work, gradients: list[Array], form: str) -> Job:
    """AdamW alone."""
    W = work.table.copy()
    optimizer = PlainAdamW(W, work.config) if form.endswith("plain") else adamw(W, work.config, FastAdamW)
    return Job(lambda i: optimizer.step(W, gradients[i % len(gradients)]), lambda: W)


def empty_call() -> Callable[[int], object]:
    """A ufunc on a single number."""
    one, out = np.ones((1, 1), np.float32), np.empty((1, 1), np.float32)
    return lambda _: np.multiply(one, one, out=out)


class Plain:
    """The training step in textbook form."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.W = work.table.copy()
        self.optimizer = PlainAdamW(self.W, work.config)

    def step(self, i: int) -> Array:
        """Step i, and the table after it."""
        W, (idx, targets) = self.W, self.work.batches[i % len(self.work.batches)]
        C = count_pairs(idx, targets, len(W)).astype(W.dtype)
        e = np.exp(W - W.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        self.optimizer.step(W, (C.sum(axis=1, keepdims=True) * p - C) / W.dtype.type(idx.size))
        return W


class PlainAdamW:
    """``impl_numpy.adamw`` with a new array for every operation. Also a contender: a first version's cost."""

    def __init__(self, W: Array, config: Config) -> None:
        self.config, self.t = config, 0
        self.m, self.v = np.zeros_like(W), np.zeros_like(W)

    def step(self, W: Array, g: Array) -> None:
        self.t += 1
        (beta1, beta2), c = self.config.betas, self.config
        self.m = self.m + (1 - beta1) * (g - self.m)
        self.v = beta2 * self.v + (1 - beta2) * g * g
        denominator = np.sqrt(self.v) / math.sqrt(1 - beta2**self.t) + c.eps
        W[...] = W * (1 - c.lr * c.weight_decay) - c.lr / (1 - beta1**self.t) * self.m / denominator
