"""NumPy's contenders: the step that ``bigram train`` runs, and its plain twins, each as a
``Job``."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.harness.interleave import Job, Unavailable, last_result
from benchmarks.harness.work import BLOCK_SIZE, SEED, Work, chunks
from common.arrays import Array, Ids
from common.batcher import Batcher
from common.config import Config
from common.pairs import count_pairs
from impl_numpy import cross_entropy, pair_counts
from impl_numpy.adamw import AdamW
from impl_numpy.fast.adamw import FastAdamW
from impl_numpy.fast.generation import generate
from impl_numpy.fast.large_vocab import rows_of_gradient
from impl_numpy.fast.pair_counts import PairCounts
from impl_numpy.fast.trainer import LARGE, trainer_for
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


def adamw(W: Array, config: Config, kind: type[AdamW] = FastAdamW) -> AdamW:
    """The AdamW that ``bigram train`` runs, with the hyperparameters of ``config``."""
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
            lambda i: trainer.step(*work.batches[i % len(work.batches)]),
            lambda: trainer.state().weight,
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
    W, batches = work.table, work.batches
    if form != "numpy-step":
        return last_result(lambda i: GRADIENTS[form](W, *batches[i % len(batches)]))
    if len(W) < LARGE:
        counts = PairCounts(W)
        return last_result(lambda i: counts.loss_and_gradient(W, *batches[i % len(batches)]))
    job = last_result(lambda i: rows_of_gradient(W, *batches[i % len(batches)]))

    def whole() -> tuple[float, Array]:
        loss, rows, some = job.result()
        dW = np.zeros_like(W)
        dW[rows] = some
        return loss, dW

    return Job(job.run, whole)


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
    optimizer = adamw(W, work.config, AdamW if form == "numpy-adamw-plain" else FastAdamW)
    return Job(lambda i: optimizer.step(W, gradients[i % len(gradients)]), lambda: W)


def sampling(tokens: Ids, batch_size: int, form: str) -> Job:
    """Batches from one seed: ``Batcher``'s, or the same cut out one by one."""
    rng = np.random.default_rng(SEED)
    batcher = Batcher(tokens, batch_size, BLOCK_SIZE, rng)

    def slices(_: int) -> Any:
        starts = rng.integers(len(tokens) - BLOCK_SIZE, size=batch_size)
        x = np.stack([tokens[i : i + BLOCK_SIZE] for i in starts])
        y = np.stack([tokens[i + 1 : i + BLOCK_SIZE + 1] for i in starts])
        return x.astype(np.int64), y.astype(np.int64)

    return last_result(slices if form == "numpy-slicing" else lambda _: batcher.get_batch())


def evaluation(tables: Sequence[Array], tokens: Ids, counts: Ids, form: str) -> Job:
    """The loss of a whole text: from its counts, from counting them, or token by token."""
    V = len(counts)

    def per_token(i: int) -> float:
        W, total = tables[i % len(tables)], 0.0
        for idx, targets in chunks(tokens):
            total += float(cross_entropy.cross_entropy(W[idx], targets)[0]) * len(targets)
        return total / (len(tokens) - 1)

    def counted(i: int) -> float:
        C = count_pairs(tokens[:-1], tokens[1:], V) if form == "numpy-counting" else counts
        return pair_counts.loss_of_counts(tables[i % len(tables)], C)

    return last_result(per_token if form == "numpy-per-token" else counted)


def generation(W: Array, draws: Sequence[Array], form: str) -> Job:
    """One stream of characters, after character 0."""
    model = BigramLanguageModel(len(W))
    model.token_embedding_table = W
    start, length = np.zeros((1, 1), dtype=np.int64), draws[0].size
    if form == "numpy-generate":
        return last_result(lambda i: model.generate(start, length, draws[i % len(draws)]))
    return last_result(lambda i: generate(W, start, draws[i % len(draws)]))


def empty_call() -> Callable[[int], object]:
    """A ufunc on a single number."""
    one, out = np.ones((1, 1), np.float32), np.empty((1, 1), np.float32)
    return lambda _: np.multiply(one, one, out=out)
