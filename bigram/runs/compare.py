"""The main job: both models trained in lockstep, and every number of the one held against the other.

Both start from one table and see the same batches. This file measures; ``bounds.py`` says what may
differ, and ``report.py`` prints.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from bigram.bounds import (
    MomentBounds,
    lockstep_gradient_bound,
    loss_bound,
    update_residual,
    weight_bound,
)
from bigram.comparator import differences, fractions
from bigram.runs.records import config_record, corpus_record, sample_draws, sample_start
from common.arrays import Ids
from common.batcher import Batcher
from common.config import Config
from common.errors import DivergedError
from common.pairs import conditional_entropy, count_pairs, count_text_pairs
from common.text.corpus import Corpus
from common.training import initial_table, train
from impl_numpy.fast.large_vocab import trainer_for
from impl_torch.trainer import TorchTrainer

Numbers = float | NDArray[np.floating]


# "update" is what each step adds to the difference of the weights unexplained; "weight" is what adds up.
COMPARED = ("loss", "gradient", "update", "weight", "exp_avg", "exp_avg_sq")


class Pair(NamedTuple):
    """One number from each model."""

    numpy: float
    torch: float


class Largest:
    """The largest difference seen, the bound where it was seen, and the nearest any came to its bound."""

    def __init__(self) -> None:
        self.max_abs = 0.0
        self.bound = 0.0
        self.fraction_of_bound = 0.0

    def see(self, ours: Numbers, theirs: Numbers, bound: Numbers) -> NDArray[np.floating]:
        """Compares entry by entry, and returns each entry's difference in units of its bound. An entry that
        is not a number, or differs where nothing may (as in the gradient's row of a character that the batch
        did not hold), is infinitely far over its bound."""
        difference = differences(ours, theirs)
        fraction = fractions(difference, bound)
        self.fraction_of_bound = max(self.fraction_of_bound, float(fraction.max()))
        at = difference.argmax()
        if difference.flat[at] >= self.max_abs:
            self.max_abs = float(difference.flat[at])
            self.bound = float(np.broadcast_to(bound, difference.shape).flat[at])
        return fraction

    @property
    def within(self) -> bool:
        return self.fraction_of_bound <= 1


@dataclass
class Trace:
    """What pictures show and the record is too small for (``plots.py``). Filled in while the run goes on."""

    losses: list[tuple[float, float, float]] = field(default_factory=list)  # each step's pair, and its bound
    # (V, V): the nearest that each entry of the gradient's difference ever came to its bound
    gradient: NDArray[np.floating] = field(default_factory=lambda: np.zeros(()))
    table: NDArray[np.floating] = field(default_factory=lambda: np.zeros(()))  # (V, V), NumPy's at the end


class Lockstep:
    """Two trainers that take every step together, itself a ``Trainer`` whose losses are pairs."""

    def __init__(
        self, table: NDArray[np.floating], config: Config, device: str, trace: Trace | None = None
    ) -> None:
        self.numpy = trainer_for(table, config)
        self.torch = TorchTrainer(table, config, device)
        self.config = config
        self.moment_bounds = MomentBounds(table.shape, config.dtype, config.betas)
        self.weight_bound = weight_bound(config, self.torch.device.type)
        self.largest = {name: Largest() for name in COMPARED}
        self.trace = trace

    def step(self, idx: Ids, targets: Ids) -> Pair:
        W = self.numpy.state().weight.copy()  # where this step's gradients are taken
        before = self.difference()
        distance = float(abs(before).max())

        ours, theirs = self.numpy.step(idx, targets), self.torch.step(idx, targets)
        bound = loss_bound(theirs, self.config.dtype, distance)
        self.largest["loss"].see(ours, theirs, bound)
        fraction = self._compare_state(W, count_pairs(idx, targets, len(W)), before, distance)
        if self.trace:
            self.trace.losses.append((ours, theirs, bound))
            self.trace.gradient = np.maximum(self.trace.gradient, fraction)
        return Pair(ours, theirs)

    def evaluate(self, counts: NDArray[np.int64]) -> Pair:
        ours, theirs = self.numpy.evaluate(counts), self.torch.evaluate(counts)
        self.largest["loss"].see(ours, theirs, loss_bound(theirs, self.config.dtype, self.distance()))
        return Pair(ours, theirs)

    def difference(self) -> NDArray[np.floating]:
        """W - W' now, (V, V) float64: ours less torch's."""
        return self.numpy.state().weight.astype(np.float64) - self.torch.state().weight

    def distance(self) -> float:
        """The largest difference of any weight, now."""
        return float(abs(self.difference()).max())

    def _compare_state(
        self,
        W: NDArray[np.floating],
        counts: NDArray[np.int64],
        before: NDArray[np.floating],
        distance: float,
    ) -> NDArray[np.floating]:
        # Returns the gradient's difference in units of its bound.
        ours, theirs = self.numpy.state(), self.torch.state()
        bound = lockstep_gradient_bound(W, counts, distance)
        self.moment_bounds.step(ours.gradient, bound, ours.exp_avg, ours.exp_avg_sq)
        fraction = self.largest["gradient"].see(ours.gradient, theirs.gradient, bound)
        moments, others = (ours.exp_avg, ours.exp_avg_sq), (theirs.exp_avg, theirs.exp_avg_sq)
        residual, rounding = update_residual(
            self.config, self.numpy.optimizer.steps, before, self.difference(), ours.weight, moments, others
        )
        self.largest["update"].see(residual, 0.0, rounding)
        self.largest["weight"].see(ours.weight, theirs.weight, self.weight_bound)
        self.largest["exp_avg"].see(ours.exp_avg, theirs.exp_avg, self.moment_bounds.exp_avg)
        self.largest["exp_avg_sq"].see(ours.exp_avg_sq, theirs.exp_avg_sq, self.moment_bounds.exp_avg_sq)
        return fraction


def check_not_both_diverged(step: int, loss: Pair | None) -> None:
    """Raises ``DivergedError`` where neither loss is finite. Where one is, the two differ: a result."""
    if loss and not any(map(math.isfinite, loss)):
        raise DivergedError(
            f"training diverged: after {step:,} updates the losses of both are not finite; use a smaller --lr"
        )


@np.errstate(all="ignore")  # what NumPy would warn of is looked for, and is an error or a difference
def compare(
    corpus: Corpus,
    config: Config,
    device: str = "cpu",
    on_step: Callable[[int], object] = lambda step: None,
    trace: Trace | None = None,
) -> dict[str, Any]:
    """Trains both and returns the whole comparison, ready for JSON; ``verdict`` is "agree" or "differ".

    ``device``: torch's side. ``on_step`` is told the updates made. ``trace``, if any, is filled in.
    Raises ``DivergedError`` where both losses leave the finite numbers.
    """
    rng = np.random.default_rng(config.seed)
    table = initial_table(corpus.tokenizer.vocab_size, config.dtype, rng)
    lockstep = Lockstep(table, config, device, trace)
    history = []
    for progress in train(lockstep, corpus, config, rng):
        on_step(progress.step)
        for loss in (progress.loss, *(progress.evaluation or ())[1:]):
            check_not_both_diverged(progress.step, loss)
        if progress.evaluation:
            step, train_loss, val_loss = progress.evaluation
            record: dict[str, Any] = {"step": step}
            for name in Pair._fields:
                record[name] = {"train": getattr(train_loss, name), "val": getattr(val_loss, name)}
            history.append(record)
    if trace:
        trace.table = lockstep.numpy.state().weight.copy()  # timing it, below, trains on

    sample, explained = compare_samples(lockstep, corpus, sample_draws(config, rng))
    largest = lockstep.largest
    within = all(seen.within for seen in largest.values())
    speed = microseconds_per_step(lockstep, Batcher(corpus.train, config.batch_size, config.block_size, rng))
    return {
        "corpus": corpus_record(corpus),
        "config": config_record(config) | {"device": lockstep.torch.device.type},
        "history": history,
        "agreement": {f"{name}_max_abs": seen.max_abs for name, seen in largest.items()}
        | {
            "bounds": {name: seen.bound for name, seen in largest.items()},
            "fraction_of_bound": {name: seen.fraction_of_bound for name, seen in largest.items()},
            "within": within,
        },
        "optimum": {
            "train": conditional_entropy(count_text_pairs(corpus.train, corpus.tokenizer.vocab_size))
        },
        "speed": {
            "numpy_us_per_step": speed.numpy,
            "torch_us_per_step": speed.torch,
            "ratio": speed.torch / speed.numpy,
            "threads": torch.get_num_threads(),
        },
        "sample": sample,
        "verdict": "agree" if within and explained else "differ",
    }


def microseconds_per_step(lockstep: Lockstep, batcher: Batcher, rounds: int = 15, steps: int = 50) -> Pair:
    """The median over ``rounds`` of each model's time for a step, batch in hand, timed apart from the
    checking. The models take turns, so that a busy moment of the machine falls on both alike. It trains
    on: whatever is to be kept must be read first.
    """
    seconds = []
    for _ in range(rounds):
        batches = [batcher.get_batch() for _ in range(steps)]
        times = []
        for trainer in (lockstep.numpy, lockstep.torch):
            start = time.perf_counter()
            for batch in batches:
                trainer.step(*batch)
            times.append((time.perf_counter() - start) / steps)
        seconds.append(times)
    return Pair(*(1e6 * np.median(seconds, axis=0)))


def compare_samples(
    lockstep: Lockstep, corpus: Corpus, uniforms: NDArray[np.floating]
) -> tuple[dict[str, Any], bool]:
    """Lets both write from the same draws, after character 0. Returns the texts, and whether they are
    what they should be: identical, or parted by a draw that fell on the edge between two characters,
    nearer than the tables themselves are."""
    ours, theirs = (
        trainer.generate(sample_start(), uniforms)[0, 1:] for trainer in (lockstep.numpy, lockstep.torch)
    )
    decode = corpus.tokenizer.decode
    if np.array_equal(ours, theirs):
        return {"text": decode(ours), "identical": True}, True
    parting = int((ours != theirs).argmax())
    last = ours[parting - 1] if parting else 0
    logits = lockstep.numpy.state().weight[last].astype(np.float64)
    cdf = np.cumsum(np.exp(logits - logits.max()))
    # A cumulative probability moves by no more than the logits do, and V roundings.
    edge = abs(cdf / cdf[-1] - uniforms[0, parting]).min()
    on_edge = edge <= lockstep.distance() + len(cdf) * float(np.finfo(lockstep.config.dtype).eps)
    return {"text": decode(ours), "torch_text": decode(theirs), "identical": False}, bool(on_edge)
