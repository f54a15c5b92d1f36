"""A NumPy trainer that adds and multiplies in torch's order, in lockstep with torch: how far apart
in bits.

Rounded addition is not associative, so two correct trainers part in their last bits, and a
comparison has to allow for it. Here there is nothing to allow for: given the same order of
operations and the same exp and log, every bit is the same. The forward and the backward pass are
written out below; the optimizer is the one in ``impl_numpy/adamw.py``, so its order of operations
is proved to be torch's own.

    python -m tests.kit.oracle [--long]    prints the distances, or the conditions not met here

``test_bit_exact.py`` runs it with fused multiply-adds and vectorised exp and log turned off in
both.
"""

import json
import os
import platform
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import torch

from common.arrays import Array, Ids
from common.batcher import Batcher
from common.config import Config
from common.text.corpus import FILE, Corpus, load_corpus, surrogate_corpus
from common.training import TrainerState, initial_table
from impl_numpy.trainer import NumpyTrainer
from impl_torch.trainer import TorchTrainer

# in ULPs, the largest over a run, of the loss and of each array of TrainerState
Distances = dict[str, int]


def unmet() -> list[str]:
    """What must hold for exp and log to be the C library's in both, and for no multiply-add to be
    fused."""
    conditions = {
        "Linux": sys.platform == "linux",
        "x86-64": platform.machine() == "x86_64",
        "glibc": platform.libc_ver()[0] == "glibc",
        "torch to honour ATEN_CPU_CAPABILITY": torch.backends.cpu.get_cpu_capability() == "DEFAULT",
        "NumPy to honour NPY_DISABLE_CPU_FEATURES": not simd_features(),
    }
    return [condition for condition, met in conditions.items() if not met]


def simd_features() -> list[str]:
    """The instruction sets that NumPy has special code for and uses here."""
    return np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])


def in_order(terms: Array) -> Array:
    """Sums along the last axis, from first to last. ``np.sum`` adds in pairs of halves."""
    return np.add.accumulate(terms, axis=-1)[..., -1]


def row_sums(e: Array) -> Array:
    """``e`` (N, V), not negative; returns (N,). A row is cut into vectors of 32 bytes, the last
    filled up with zeros; the vectors are added first, then their lanes."""
    N, V = e.shape
    lanes = 32 // e.itemsize
    vectors = np.zeros((N, -(-V // lanes), lanes), e.dtype)
    vectors.reshape(N, -1)[:, :V] = e
    return in_order(in_order(vectors.swapaxes(1, 2)))


def cascade_sum(terms: Array) -> np.floating:
    """``terms`` (N,): sixteen at a time, then sixteen of these sums at a time, and so on.

    The very first term is a group by itself, at every level. Terms at the end that fill no group
    are added up and kept aside, and what was kept is added level by level, the top last. (torch
    stops at eight levels, and makes groups larger than sixteen, only past 2**28 terms.)
    """
    total = terms.dtype.type(0)
    while len(terms) > 1:
        groups = np.zeros(((len(terms) - 1) // 16 + 2, 16), terms.dtype)
        groups.reshape(-1)[15 : 15 + len(terms)] = (
            terms  # 0 ... 0 first | the next sixteen | ... | the rest
        )
        sums = in_order(groups)
        terms, rest = sums[:-1], sums[-1]
        total += rest
    return total + terms[0]


def loss_and_gradient(W: Array, idx: Ids, targets: Ids) -> tuple[float, Array]:
    """What ``F.cross_entropy`` and its backward compute, one token at a time."""
    idx, targets = idx.ravel(), targets.ravel()
    N, tokens = len(idx), np.arange(len(idx))
    logits = W[idx]
    z = logits - logits.max(axis=1, keepdims=True)
    logp = z - np.log(row_sums(np.exp(z)))[:, None]
    loss = cascade_sum(-logp[tokens, targets]) / N

    share = W.dtype.type(-1) / N  # the gradient of the mean with respect to each picked log p
    dlogp = np.zeros_like(logp)
    dlogp[tokens, targets] = share
    # share again: the sum of a row of dlogp, which has one entry
    dlogits = dlogp - np.exp(logp) * share
    dW = np.zeros_like(W)
    np.add.at(dW, idx, dlogits)
    return float(loss), dW


class OracleTrainer(NumpyTrainer):
    """The production trainer and optimizer, with the gradient above in place of the one by
    counts."""

    def step(self, idx: Ids, targets: Ids) -> float:
        W = self.model.token_embedding_table
        loss, self.dW = loss_and_gradient(W, idx, targets)
        self.optimizer.step(W, self.dW)
        return loss


class FusedTorchTrainer(TorchTrainer):
    """torch's default AdamW has a square root that is 1 ULP off in one of five float32 results; the
    fused one rounds correctly, as NumPy does. Otherwise they are the same."""

    def __init__(self, table: Array, config: Config) -> None:
        super().__init__(table, config)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            config.lr,
            config.betas,
            config.eps,
            config.weight_decay,
            fused=True,
        )


class OneUlpOff(OracleTrainer):
    """A mistake of the smallest size there is: one entry, once, by one ULP."""

    def step(self, idx: Ids, targets: Ids) -> float:
        loss = super().step(idx, targets)
        if self.optimizer.steps == 1:
            first = self.model.token_embedding_table[:1, :1]
            np.nextafter(first, first.dtype.type(np.inf), out=first)
        return loss


class DecayAfterTheUpdate(OracleTrainer):
    """A mistake that people make, worth lr * lr * weight_decay a step."""

    def step(self, idx: Ids, targets: Ids) -> float:
        decay, self.optimizer.weight_decay = self.optimizer.weight_decay, 0.0
        loss = super().step(idx, targets)
        self.optimizer.weight_decay = decay
        self.model.token_embedding_table *= 1 - self.optimizer.lr * decay
        return loss


# The last is no mistake: the gradient by counts, which is correct and rounded otherwise.
OTHERS = [OneUlpOff, DecayAfterTheUpdate, NumpyTrainer]


def ulps(a: Array, b: Array) -> int:
    """The largest distance between entries, counted in floating-point numbers on the way. +0 and -0
    are two of these, so 0 means the same bits."""
    signed, unsigned = (np.int32, np.uint32) if a.dtype == np.float32 else (np.int64, np.uint64)
    i, j = a.view(signed), b.view(signed)
    if np.array_equal(i, j):
        return 0
    # Read as integers, floats are in order from +0 up; below it they run the other way until all
    # bits but the sign are flipped. The difference may need the bit that a signed integer has for
    # its sign.
    i, j = (np.where(np.less(k, 0), np.bitwise_xor(k, np.iinfo(signed).max), k) for k in (i, j))
    return int((np.maximum(i, j).view(unsigned) - np.minimum(i, j).view(unsigned)).max())


def lockstep(
    cls: type[NumpyTrainer], table: Array, config: Config, batches: Iterable[tuple[Ids, Ids]]
) -> Distances:
    """Both take every step from where they are themselves; nothing is copied from one to the
    other."""
    ours, theirs = cls(table, config), FusedTorchTrainer(table, config)
    largest = dict.fromkeys(("loss", *TrainerState._fields), 0)
    for idx, targets in batches:
        losses = [
            np.array([trainer.step(idx, targets)], config.dtype) for trainer in (ours, theirs)
        ]
        assert np.isfinite(losses).all(), "agreement in nan would prove nothing"
        pairs = zip(largest, [losses, *zip(ours.state(), theirs.state(), strict=True)], strict=True)
        for name, pair in pairs:
            largest[name] = max(largest[name], ulps(*pair))
    return largest


@cache
def text() -> Corpus:
    """Tiny Shakespeare where it is at hand, else the surrogate: no test downloads anything."""
    folder = os.environ.get("BIGRAM_DATA_DIR")
    return load_corpus() if folder and (Path(folder) / FILE).exists() else surrogate_corpus()


def on_text(cls: type[NumpyTrainer], dtype: str, steps: int) -> Distances:
    """The published schedule from its start."""
    corpus, config = text(), Config(dtype=dtype)
    rng = np.random.default_rng(config.seed)
    table = initial_table(corpus.tokenizer.vocab_size, dtype, rng)
    batcher = Batcher(corpus.train, config.batch_size, config.block_size, rng)
    return lockstep(cls, table, config, (batcher.get_batch() for _ in range(steps)))


def sweep(dtype: str, count: int, steps: int) -> Iterator[tuple[str, Distances]]:
    """Random sizes, settings and tables: rows shorter than a vector, sums of one to four levels,
    both of lerp's formulas, logits from flat to saturated, float32 moments that fade to subnormal
    numbers."""
    rng = np.random.default_rng(0)
    for _ in range(count):
        V, T = int(2 ** rng.uniform(1, 7)), int(2 ** rng.uniform(0, 6))
        config = Config(
            batch_size=int(2 ** rng.uniform(0, 13)) // T or 1,
            block_size=T,
            lr=float(10 ** rng.uniform(-4, 0)),
            betas=(
                float(rng.choice([0.0, 0.1, 0.5, 0.5 + 1e-9, 0.9, 0.95])),
                float(rng.choice([0.0, 0.5, 0.99, 0.999])),
            ),
            weight_decay=float(rng.choice([0.0, 0.01, 0.5])),
            eps=float(rng.choice([1e-12, 1e-8, 1e-3])),
            dtype=dtype,
        )
        spread = float(rng.choice([0.1, 1.0, 10.0, 30.0]))
        table = spread * initial_table(V, dtype, rng)
        shape = (config.batch_size, T)
        batches = ((rng.integers(V, size=shape), rng.integers(V, size=shape)) for _ in range(steps))
        yield f"V={V} spread={spread} {config}", lockstep(OracleTrainer, table, config, batches)


def main(long: bool) -> None:
    if conditions := unmet():
        print(json.dumps({"unmet": conditions}))
        return
    # batches this small gain nothing from more; on busy cores they lose much
    torch.set_num_threads(1)
    report = {
        dtype: {
            "text": on_text(OracleTrainer, dtype, steps=1000 if long else 100),
            "sweep": dict(sweep(dtype, count=48 if long else 8, steps=40)),
            "others": {cls.__name__: on_text(cls, dtype, steps=20) for cls in OTHERS},
        }
        for dtype in ("float32", "float64")
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main("--long" in sys.argv)
