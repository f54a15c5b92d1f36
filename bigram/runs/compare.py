"""The main job: both models trained in lockstep, and every number of the one held against the
other.

Both start from one table and see the same batches. This file measures, ``bounds.py`` says how much
may differ, and ``report.py`` prints.
"""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from bigram.bounds import (
    MomentBounds,
    is_vacuous,
    lockstep_gradient_bound,
    loss_bound,
    update_residual,
    weight_bound,
)
from bigram.comparator import differences, fractions
from bigram.runs.records import CorpusRecord, corpus_record, sample_draws, sample_start
from bigram.terminal import plural
from common.arrays import Array, Ids
from common.batcher import Batcher
from common.config import Config
from common.errors import DivergedError
from common.pairs import conditional_entropy, count_text_pairs
from common.text.corpus import Corpus
from common.training import Evaluation, TrainerState, initial_table, train
from impl_numpy.fast.trainer import trainer_for
from impl_torch.trainer import TorchTrainer

Numbers = float | Array


# "update" is the unexplained part that one step adds to the difference of the weights; "weight" is
# that difference.
COMPARED = ("loss", "gradient", "update", "weight", "exp_avg", "exp_avg_sq")


class Pair(NamedTuple):
    """One number from each model."""

    numpy: float
    torch: float


class Largest:
    """The largest difference seen, the bound where it was seen, the nearest any came to its bound,
    and the first step at which the bound was vacuous."""

    def __init__(self) -> None:
        self.max_abs = 0.0
        self.bound = 0.0
        self.fraction_of_bound = 0.0
        self.vacuous_from: int | None = None

    def see(self, ours: Numbers, theirs: Numbers, bound: Numbers) -> Array:
        """Compares entry by entry, and returns each entry's difference in units of its bound. An
        entry that is not a number, or differs where nothing may (as in the gradient's row of a
        character that the batch did not hold), is infinitely far over its bound."""
        difference = differences(ours, theirs)
        fraction = fractions(difference, bound)
        self.fraction_of_bound = max(self.fraction_of_bound, float(fraction.max()))
        if difference.max() >= self.max_abs:
            at = difference.argmax()
            self.max_abs = float(difference.flat[at])
            self.bound = float(np.broadcast_to(bound, difference.shape).flat[at])
        return fraction

    def could_see(self, step: int, bound: Numbers, possible: Numbers) -> None:
        """Notes the first step at which the bound is vacuous: ``bounds.py`` says when it is."""
        if self.vacuous_from is None and is_vacuous(bound, possible):
            self.vacuous_from = step

    @property
    def within(self) -> bool:
        return self.fraction_of_bound <= 1


@dataclass
class Trace:
    """The data of the pictures (``pictures.py``) that the record has no room for. Filled in during
    the run."""

    # each step's pair, and its bound
    losses: list[tuple[float, float, float]] = field(default_factory=list)
    # (V, V): the nearest that each entry of the gradient's difference ever came to its bound
    gradient: Array = field(default_factory=lambda: np.zeros(()))
    table: Array = field(default_factory=lambda: np.zeros(()))  # (V, V), NumPy's at the end


@dataclass(frozen=True)
class Samples:
    """The texts that both wrote from the same draws."""

    numpy: str
    torch: str
    explained: bool  # identical, or parted by a draw on the edge between two characters

    @property
    def identical(self) -> bool:
        return self.numpy == self.torch


@dataclass(frozen=True)
class Comparison:
    """All that ``bigram compare`` found."""

    corpus: CorpusRecord
    config: Config
    device: str  # torch's
    history: list[Evaluation[Pair]]
    largest: dict[str, Largest]  # by the names in COMPARED
    optimum: float  # of the training split
    sample: Samples
    us_per_step: Pair
    threads: int

    @property
    def within(self) -> bool:
        return all(largest.within for largest in self.largest.values())

    @property
    def vacuous(self) -> dict[str, int]:
        """The bounds that could find nothing, and the first step at which each could not."""
        seen = {name: largest.vacuous_from for name, largest in self.largest.items()}
        return {name: step for name, step in seen.items() if step is not None}

    @property
    def verdict(self) -> str:
        return "agree" if self.within and self.sample.explained else "differ"

    @property
    def ratio(self) -> float:
        return self.us_per_step.torch / self.us_per_step.numpy

    def record(self) -> dict[str, Any]:
        """The same for JSON."""
        texts = {"text": self.sample.numpy, "identical": self.sample.identical}
        return {
            "corpus": self.corpus,
            "config": asdict(self.config) | {"device": self.device},
            "history": [
                {"step": step}
                | {name: {"train": train[i], "val": val[i]} for i, name in enumerate(Pair._fields)}
                for step, train, val in self.history
            ],
            "agreement": {f"{name}_max_abs": seen.max_abs for name, seen in self.largest.items()}
            | {
                "bounds": {name: seen.bound for name, seen in self.largest.items()},
                "fraction_of_bound": {
                    name: seen.fraction_of_bound for name, seen in self.largest.items()
                },
                "within": self.within,
                "vacuous": self.vacuous,
            },
            "optimum": {"train": self.optimum},
            "speed": {
                "numpy_us_per_step": self.us_per_step.numpy,
                "torch_us_per_step": self.us_per_step.torch,
                "ratio": self.ratio,
                "threads": self.threads,
            },
            "sample": texts if self.sample.identical else texts | {"torch_text": self.sample.torch},
            "verdict": self.verdict,
        }


BLOCK = 2**14  # entries that are compared at a time: intermediate arrays then stay in the cache


class Lockstep:
    """Two trainers that take every step together, itself a ``Trainer`` whose losses are pairs."""

    def __init__(
        self, table: Array, config: Config, device: str, trace: Trace | None = None
    ) -> None:
        self.numpy = trainer_for(table, config)
        self.torch = TorchTrainer(table, config, device)
        self.config = config
        self.moment_bounds = MomentBounds(table.shape, config.dtype, config.betas)
        self.weight_bound = weight_bound(config, self.torch.device.type)
        self.moved = np.zeros(table.shape)  # the bound where weight_bound has none
        self.apart = np.zeros(table.shape)  # W - W' now: ours less torch's
        # the largest difference of each row's weights, now
        self.row_distance = np.zeros(len(table))
        # ``possible`` of bounds.py, for the gradient, exp_avg and exp_avg_sq, for each row.
        self.possible = np.zeros((3, len(table), 1))
        self.largest = {name: Largest() for name in COMPARED}
        self.trace = trace

    def step(self, idx: Ids, targets: Ids) -> Pair:
        rows = np.unique(idx)
        counts = count_rows(rows, idx, targets, len(self.apart))
        W, other = (trainer.state().weight[rows] for trainer in (self.numpy, self.torch))
        bound = lockstep_gradient_bound(W, other, counts, self.row_distance[rows, None])
        distance = self.mean_distance(counts, rows)

        ours, theirs = self.numpy.step(idx, targets), self.torch.step(idx, targets)
        room = loss_bound(max(ours, theirs), self.config.dtype, distance, len(self.apart))
        self.largest["loss"].see(ours, theirs, room)
        self.largest["loss"].could_see(self.numpy.optimizer.steps, room, max(1.0, abs(theirs)))
        states = self.numpy.state(), self.torch.state()
        self._compare_gradients(states[0].gradient, states[1].gradient, rows, bound)
        self._compare_states(*states, rows, bound)
        self._look_for_vacuous_bounds(*states, rows, counts, bound)
        if self.trace:
            self.trace.losses.append((ours, theirs, room))
        return Pair(ours, theirs)

    def evaluate(self, counts: NDArray[np.int64]) -> Pair:
        ours, theirs = self.numpy.evaluate(counts), self.torch.evaluate(counts)
        bound = loss_bound(
            max(ours, theirs), self.config.dtype, self.mean_distance(counts), len(counts)
        )
        self.largest["loss"].see(ours, theirs, bound)
        return Pair(ours, theirs)

    def distance(self) -> float:
        """The largest difference of any weight, now."""
        return float(self.row_distance.max())

    def mean_distance(self, counts: Ids, rows: Any = slice(None)) -> float:
        """The same of each token's row, in the mean over the tokens that are counted in those
        rows."""
        n = counts.sum(axis=1)
        return float(n @ self.row_distance[rows] / n.sum())

    def _compare_gradients(self, ours: Array, theirs: Array, visited: Ids, bound: Array) -> None:
        # ``bound``: of the rows visited; in all others nothing may differ from 0, on either side.
        fraction = self.largest["gradient"].see(ours[visited], theirs[visited], bound)
        others = np.setdiff1d(np.flatnonzero(ours.any(axis=1) | theirs.any(axis=1)), visited)
        if len(others):
            self.largest["gradient"].see(abs(ours[others]) + abs(theirs[others]), 0.0, 0.0)
        if self.trace:
            nearest = np.broadcast_to(self.trace.gradient, self.apart.shape).copy()
            nearest[visited] = np.maximum(nearest[visited], fraction)
            nearest[others] = np.inf
            self.trace.gradient = nearest

    def _compare_states(
        self, ours: TrainerState, theirs: TrainerState, visited: Ids, bound_of_visited: Array
    ) -> None:
        V, t = len(self.apart), self.numpy.optimizer.steps
        size = max(1, BLOCK // V)
        for start in range(0, V, size):
            rows = slice(start, start + size)
            a, b = (TrainerState(*(array[rows] for array in state)) for state in (ours, theirs))
            here = slice(*np.searchsorted(visited, (start, start + size)))
            place, bound = visited[here] - start, bound_of_visited[here]
            self.moment_bounds.step(a.gradient[place], bound, a.exp_avg, a.exp_avg_sq, rows, place)
            self.largest["exp_avg"].see(a.exp_avg, b.exp_avg, self.moment_bounds.exp_avg[rows])
            self.largest["exp_avg_sq"].see(
                a.exp_avg_sq, b.exp_avg_sq, self.moment_bounds.exp_avg_sq[rows]
            )

            after = np.subtract(a.weight, b.weight, dtype=np.float64)
            moments, others = (a.exp_avg, a.exp_avg_sq), (b.exp_avg, b.exp_avg_sq)
            update = update_residual(
                self.config, t, self.apart[rows], after, (a.weight, b.weight), moments, others
            )
            self.largest["update"].see(update.residual, 0.0, update.rounding)
            self.apart[rows] = after
            self.row_distance[rows] = np.maximum(after.max(axis=1), -after.min(axis=1))
            if math.isfinite(self.weight_bound):
                self.largest["weight"].see(self.row_distance[rows], 0.0, self.weight_bound)
            else:
                self.moved[rows] *= 1 - self.config.lr * self.config.weight_decay
                self.moved[rows] += abs(update.moved)
                self.moved[rows] += update.rounding
                self.largest["weight"].see(after, 0.0, self.moved[rows])

    def _weight_bound(self, rows: Any) -> Numbers:
        return self.weight_bound if math.isfinite(self.weight_bound) else self.moved[rows]

    def _look_for_vacuous_bounds(
        self,
        ours: TrainerState,
        theirs: TrainerState,
        rows: Ids,
        counts: Ids,
        gradient_bound: Array,
    ) -> None:
        # Among the rows that the batch holds.
        share = counts.sum(axis=1, keepdims=True) / counts.sum()
        betas = np.array([0.0, *self.config.betas])[:, None, None]
        self.possible *= betas
        self.possible[:, rows] += (1 - betas) * [share, share, share**2]
        bounds = {
            "gradient": (gradient_bound, self.possible[0, rows]),
            "exp_avg": (self.moment_bounds.exp_avg[rows], self.possible[1, rows]),
            "exp_avg_sq": (self.moment_bounds.exp_avg_sq[rows], self.possible[2, rows]),
            "weight": (self._weight_bound(rows), abs(ours.weight[rows]) + abs(theirs.weight[rows])),
        }
        for name, (bound, possible) in bounds.items():
            self.largest[name].could_see(self.numpy.optimizer.steps, bound, possible)


def count_rows(rows: Ids, idx: Ids, targets: Ids, vocab_size: int) -> Ids:
    """Those ``rows``, (R,) ascending, of the pair counts that hold all of ``idx``: (R, V)."""
    cells = np.searchsorted(rows, idx.ravel()) * vocab_size + targets.ravel()
    return np.bincount(cells, minlength=len(rows) * vocab_size).reshape(len(rows), vocab_size)


def check_not_both_diverged(step: int, loss: Pair | None) -> None:
    """Raises ``DivergedError`` where neither loss is finite. Where one is, the two differ: a
    result."""
    if loss and not any(map(math.isfinite, loss)):
        raise DivergedError(
            f"training diverged: after {plural(step, 'update')} the losses of both are not finite; "
            "use a smaller lr"
        )


@np.errstate(all="ignore")  # infinities and NaN are looked for: an error or a difference
def compare(
    corpus: Corpus,
    config: Config,
    device: str = "cpu",
    on_step: Callable[[int], object] = lambda step: None,
    trace: Trace | None = None,
) -> Comparison:
    """Trains both models, and compares every number.

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
            history.append(progress.evaluation)
    if trace:
        trace.table = lockstep.numpy.state().weight.copy()  # timing it, below, trains on

    sample = compare_samples(lockstep, corpus, sample_draws(config, rng))
    batcher = Batcher(corpus.train, config.batch_size, config.block_size, rng)
    # A seventh of the run at most, for where V is large the steps are long.
    speed = microseconds_per_step(lockstep, batcher, steps=min(50, max(1, config.max_iters // 100)))
    return Comparison(
        corpus=corpus_record(corpus),
        config=config,
        device=lockstep.torch.device.type,
        history=history,
        largest=lockstep.largest,
        optimum=conditional_entropy(count_text_pairs(corpus.train, corpus.tokenizer.vocab_size)),
        sample=sample,
        us_per_step=speed,
        threads=torch.get_num_threads(),
    )


def microseconds_per_step(
    lockstep: Lockstep, batcher: Batcher, rounds: int = 15, steps: int = 50
) -> Pair:
    """The median over ``rounds`` of each model's time for a step, batch in hand, timed apart from
    the checking. The models take turns, so that a busy moment of the machine falls on both alike.
    It trains on, so read first any state that is to be kept.
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


def compare_samples(lockstep: Lockstep, corpus: Corpus, uniforms: Array) -> Samples:
    """Lets both write from the same draws, after character 0. Texts that differ are explained where
    they part at a draw nearer to the edge between two characters than the tables are to each other.
    """
    ours, theirs = (
        trainer.generate(sample_start(), uniforms)[0, 1:]
        for trainer in (lockstep.numpy, lockstep.torch)
    )
    decode = corpus.tokenizer.decode
    if np.array_equal(ours, theirs):
        return Samples(decode(ours), decode(theirs), explained=True)
    parting = int((ours != theirs).argmax())
    last = ours[parting - 1] if parting else 0
    logits = lockstep.numpy.state().weight[last].astype(np.float64)
    cdf = np.cumsum(np.exp(logits - logits.max()))
    # A cumulative probability moves by no more than the logits do, and V roundings.
    edge = abs(cdf / cdf[-1] - uniforms[0, parting]).min()
    on_edge = edge <= lockstep.distance() + len(cdf) * float(np.finfo(lockstep.config.dtype).eps)
    return Samples(decode(ours), decode(theirs), explained=bool(on_edge))
