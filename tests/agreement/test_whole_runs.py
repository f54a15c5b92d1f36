"""Proves that a thousand steps on a real text leave both trainers where the formulas do: the loss
of every step, the weights and both moments at the end, in both dtypes, at learning rates, decays
and betas far from the defaults. Each is held against the other, and both against a third trainer
that is neither: wherever two frameworks follow one order of operations they share its rounding, and
agreement says nothing about that."""

from decimal import Decimal
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from bigram.bounds import unit_roundoff
from common.arrays import Ids
from common.batcher import Batcher
from common.config import Config
from common.text.corpus import Corpus
from common.training import Trainer, initial_table
from impl_numpy.trainer import NumpyTrainer
from tests.kit import one_in

DTYPES = ["float64", "float32"]
STEPS = 1000
UNSEEN = 2  # rows of characters that never occur, after those of the text
TENSORS = ("weight", "exp_avg", "exp_avg_sq")

SETTINGS: dict[str, dict] = {
    "defaults": {},
    "lr 0.01": {"lr": 1e-2},
    "lr 0.1, decay 0.1": {"lr": 0.1, "weight_decay": 0.1},
    "lr 1, decay 0.5": {"lr": 1.0, "weight_decay": 0.5},
    "no decay, 4 x 16": {"weight_decay": 0.0, "batch_size": 4, "block_size": 16},
    "betas 0.5, 0.9": {"betas": (0.5, 0.9)},  # torch.lerp changes its formula at 1 - beta1 = 0.5
    # no memory: every step is lr in size, at any gradient
    "betas 0, 0": {"betas": (0.0, 0.0)},
    "betas 0.95, 0.95, lr 0.01": {"betas": (0.95, 0.95), "lr": 1e-2},
}


Batches = list[tuple[NDArray[np.int64], NDArray[np.int64]]]
Start = tuple[Config, NDArray, Batches]


class Run(NamedTuple):
    """What a trainer leaves behind."""

    losses: NDArray  # (STEPS,)
    weight: NDArray  # (V, V), and so are the moments
    exp_avg: NDArray
    exp_avg_sq: NDArray


class Formulas:
    """Softmax, its gradient and AdamW as the books print them, a new array for every term, all in
    ``dtype``: long double for a float64 run and float64 for a float32 run, so that its own rounding
    is nothing beside theirs. Hyperparameters are the same binary numbers; nothing made of them is
    rounded to the run's dtype.
    """

    def __init__(self, table: NDArray, config: Config, dtype: type[np.floating]) -> None:
        self.W = table.astype(dtype)
        self.m = self.W * 0
        self.v = self.W * 0
        self.t = 0
        settings = (config.lr, *config.betas, config.eps, config.weight_decay)
        self.lr, self.beta1, self.beta2, self.eps, self.weight_decay = map(dtype, settings)

    def step(self, idx: Ids, targets: Ids) -> np.floating:
        C = self.W * 0
        np.add.at(C, (idx, targets), 1)
        n = C.sum(axis=1, keepdims=True)
        e = np.exp(self.W - self.W.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        loss = -(C[C > 0] * np.log(p[C > 0])).sum() / idx.size
        g = (n * p - C) / idx.size

        self.t += 1
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
        m_hat = self.m / (1 - self.beta1**self.t)
        v_hat = self.v / (1 - self.beta2**self.t)
        decayed = self.W - self.lr * self.weight_decay * self.W
        self.W = decayed - self.lr * m_hat / (np.sqrt(v_hat) + self.eps)
        return loss


class Runs:
    """Every run on one text, each made once."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self.started: dict[tuple[str, str], Start] = {}
        self.made: dict[tuple[str, str, str], Run] = {}

    def start(self, setting: str, dtype: str) -> Start:
        """The configuration, the initial table and the batches of a setting."""
        if (setting, dtype) in self.started:
            return self.started[setting, dtype]
        config = Config(dtype=dtype, max_iters=STEPS, **SETTINGS[setting])
        rng = np.random.default_rng(config.seed)
        table = initial_table(self.corpus.tokenizer.vocab_size + UNSEEN, dtype, rng)
        batcher = Batcher(self.corpus.train, config.batch_size, config.block_size, rng)
        self.started[setting, dtype] = config, table, [batcher.get_batch() for _ in range(STEPS)]
        return self.started[setting, dtype]

    def of(self, who: str, setting: str, dtype: str) -> Run:
        """``who``: numpy, torch or truth."""
        key = (who, setting, dtype)
        if key not in self.made:
            self.made[key] = self.make(*key)
        return self.made[key]

    def make(self, who: str, setting: str, dtype: str) -> Run:
        config, table, batches = self.start(setting, dtype)
        if who == "truth":
            wider = np.longdouble if dtype == "float64" else np.float64
            truth = Formulas(table, config, wider)
            losses = np.array([truth.step(*batch) for batch in batches])
            return Run(losses, truth.W, truth.m, truth.v)
        if who == "numpy":
            return finish(NumpyTrainer(table, config), batches)

        torch = pytest.importorskip("torch")
        from impl_torch.trainer import TorchTrainer

        threads = torch.get_num_threads()
        # on a busy machine two threads wait for each other most of the time
        torch.set_num_threads(1)
        try:
            return finish(TorchTrainer(table, config), batches)
        finally:
            torch.set_num_threads(threads)


def finish(trainer: Trainer, batches: Batches) -> Run:
    losses = np.array([trainer.step(*batch) for batch in batches])
    state = trainer.state()
    return Run(losses, state.weight, state.exp_avg, state.exp_avg_sq)


def distances(one: Run, other: Run) -> tuple[float, float, float, float]:
    """The largest difference of any loss, in nats; of any weight; and of either moment, in units of
    its largest entry."""

    def apart(a: NDArray, b: NDArray) -> float:
        difference = abs(a.astype(np.longdouble) - b)
        assert np.isfinite(difference).all()
        return float(difference.max())

    loss, *tensors = (apart(a, b) for a, b in zip(one, other, strict=True))
    sizes = [1.0, *(float(abs(moment).max()) for moment in other[2:])]
    return (loss, *(x / size for x, size in zip(tensors, sizes, strict=True)))  # type: ignore[return-value]


# ``python -m tests.agreement.test_whole_runs`` measured: ``distances``, the larger of tiny
# Shakespeare's and the surrogate's, and of NumPy's and torch's against the truth. A limit is ROOM
# times that, for libraries differ in their exp and in the order of their sums; where a target
# stands below, it is the limit.
#
# Most of what both are away from the truth is one constant: 1 - lr * weight_decay is rounded once,
# and every step multiplies by it, always to the same side. By default it is 4.6e-17 (1.4e-8) off, a
# thousand times, on weights up to 4. Without decay a tenth of it is left, from lr and the betas, or
# less.
ROOM = 10
MEASURED = {
    # setting, dtype, against: loss, weight, exp_avg, exp_avg_sq
    ("defaults", "float64", "torch"): (2.7e-15, 8.9e-16, 3.0e-16, 2.8e-16),
    ("defaults", "float64", "truth"): (2.4e-14, 1.7e-13, 2.2e-14, 8.2e-15),
    ("defaults", "float32", "torch"): (1.4e-06, 4.8e-07, 1.6e-07, 1.5e-07),
    ("defaults", "float32", "truth"): (6.4e-06, 9.6e-05, 6.4e-06, 5.7e-06),
    ("lr 0.01", "float64", "torch"): (1.8e-15, 1.8e-15, 2.8e-15, 5.3e-16),
    ("lr 0.01", "float64", "truth"): (1.8e-15, 4.8e-14, 1.8e-14, 2.4e-15),
    ("lr 0.01", "float32", "torch"): (9.5e-07, 9.5e-07, 4.6e-07, 2.8e-07),
    ("lr 0.01", "float32", "truth"): (1.7e-06, 5.9e-05, 1.5e-05, 9.7e-06),
    ("lr 0.1, decay 0.1", "float64", "torch"): (1.8e-15, 2.7e-15, 7.1e-16, 3.9e-16),
    ("lr 0.1, decay 0.1", "float64", "truth"): (2.2e-15, 7.2e-15, 2.1e-15, 2.1e-15),
    ("lr 0.1, decay 0.1", "float32", "torch"): (7.2e-07, 1.4e-06, 6.4e-07, 2.0e-07),
    ("lr 0.1, decay 0.1", "float32", "truth"): (7.3e-07, 7.0e-06, 3.0e-06, 6.8e-06),
    ("lr 1, decay 0.5", "float64", "torch"): (1.8e-15, 1.1e-15, 1.4e-16, 2.6e-16),
    ("lr 1, decay 0.5", "float64", "truth"): (2.2e-15, 2.0e-15, 3.5e-16, 1.4e-15),
    ("lr 1, decay 0.5", "float32", "torch"): (9.5e-07, 6.0e-07, 1.5e-07, 2.7e-07),
    ("lr 1, decay 0.5", "float32", "truth"): (1.7e-06, 6.5e-06, 2.3e-06, 7.2e-06),
    ("no decay, 4 x 16", "float64", "torch"): (2.7e-15, 8.9e-16, 1.9e-16, 2.0e-16),
    ("no decay, 4 x 16", "float64", "truth"): (2.1e-15, 1.1e-14, 2.0e-15, 7.7e-16),
    ("no decay, 4 x 16", "float32", "torch"): (1.4e-06, 4.8e-07, 1.0e-07, 2.1e-07),
    ("no decay, 4 x 16", "float32", "truth"): (1.7e-06, 8.3e-06, 9.4e-07, 5.8e-06),
    ("betas 0.5, 0.9", "float64", "torch"): (2.7e-15, 8.9e-16, 3.2e-16, 3.5e-16),
    ("betas 0.5, 0.9", "float64", "truth"): (2.5e-14, 1.7e-13, 2.3e-14, 2.4e-14),
    ("betas 0.5, 0.9", "float32", "torch"): (1.4e-06, 4.8e-07, 2.6e-07, 1.2e-07),
    ("betas 0.5, 0.9", "float32", "truth"): (7.8e-06, 6.4e-05, 6.6e-06, 7.2e-06),
    ("betas 0, 0", "float64", "torch"): (2.7e-15, 1.2e-14, 1.7e-15, 1.3e-15),
    ("betas 0, 0", "float64", "truth"): (3.1e-14, 1.8e-13, 2.5e-14, 5.0e-14),
    ("betas 0, 0", "float32", "torch"): (1.4e-06, 1.9e-06, 3.1e-07, 3.8e-07),
    ("betas 0, 0", "float32", "truth"): (1.3e-05, 1.3e-04, 1.4e-05, 1.9e-05),
    ("betas 0.95, 0.95, lr 0.01", "float64", "torch"): (2.7e-15, 5.3e-15, 2.1e-15, 5.4e-16),
    ("betas 0.95, 0.95, lr 0.01", "float64", "truth"): (1.6e-15, 8.0e-14, 1.1e-14, 1.8e-15),
    ("betas 0.95, 0.95, lr 0.01", "float32", "torch"): (9.5e-07, 2.9e-06, 1.6e-06, 6.9e-07),
    ("betas 0.95, 0.95, lr 0.01", "float32", "truth"): (1.4e-06, 9.5e-05, 1.3e-05, 2.1e-06),
}  # fmt: skip
TARGETS = {
    ("defaults", "float64", "torch"): {"loss": 1e-14, "weight": 2e-14},
    ("defaults", "float32", "torch"): {"loss": 5e-6, "weight": 5e-6},
    ("defaults", "float64", "truth"): {"weight": 2e-13},
    ("defaults", "float32", "truth"): {"weight": 2e-4},
}


def limits(setting: str, dtype: str, other: str) -> dict[str, float]:
    measured = zip(("loss", *TENSORS), MEASURED[setting, dtype, other], strict=True)
    return {name: ROOM * residual for name, residual in measured} | TARGETS.get(
        (setting, dtype, other), {}
    )


def over(one: Run, other: Run, limit: dict[str, float]) -> dict[str, float]:
    """What lies beyond its limit, and how far it lies."""
    return {
        name: apart
        for name, apart in zip(limit, distances(one, other), strict=True)
        if apart > limit[name]
    }


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest) -> Runs:
    """On tiny Shakespeare, else on the text that has its pair counts."""
    try:
        return Runs(request.getfixturevalue("shakespeare"))
    except pytest.skip.Exception:
        return Runs(request.getfixturevalue("surrogate"))


def skip_without_long_double(dtype: str) -> None:
    bits = np.finfo(np.longdouble).nmant
    if dtype == "float64" and bits < 63:
        pytest.skip(
            f"long double has {bits} mantissa bits here, too few to be the truth for float64"
        )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("setting", one_in(4, SETTINGS))
def test_both_trainers_agree(setting: str, dtype: str, runs: Runs) -> None:
    ours, theirs = runs.of("numpy", setting, dtype), runs.of("torch", setting, dtype)
    assert not over(ours, theirs, limits(setting, dtype, "torch"))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("setting", one_in(4, SETTINGS))
@pytest.mark.parametrize("who", ["numpy", "torch"])
def test_each_trainer_agrees_with_the_formulas(
    who: str, setting: str, dtype: str, runs: Runs
) -> None:
    skip_without_long_double(dtype)
    run, truth = runs.of(who, setting, dtype), runs.of("truth", setting, dtype)
    assert not over(run, truth, limits(setting, dtype, "truth"))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("setting", one_in(4, SETTINGS))
@pytest.mark.parametrize("who", ["numpy", "torch"])
def test_rows_never_visited_decay_and_do_nothing_else(
    who: str, setting: str, dtype: str, runs: Runs
) -> None:
    config, table, batches = runs.start(setting, dtype)
    unseen = np.setdiff1d(
        np.arange(len(table)), np.concatenate([idx.ravel() for idx, _ in batches])
    )
    assert len(unseen) >= UNSEEN
    run = runs.of(who, setting, dtype)
    assert not run.exp_avg[unseen].any()
    assert not run.exp_avg_sq[unseen].any()

    expected = table[unseen]
    for _ in range(STEPS):
        expected = expected * (1 - config.lr * config.weight_decay)
    np.testing.assert_array_equal(run.weight[unseen], expected)  # bit for bit
    # (1 - lr * weight_decay)^t W0, and two roundings a step: of the factor, and of the product. At
    # lr 1 and decay 0.5 nothing of it is left in float32, hence the last term.
    factor = (1 - Decimal(config.lr) * Decimal(config.weight_decay)) ** STEPS
    exact = table[unseen].astype(np.float64) * float(factor)
    bound = 2 * STEPS * unit_roundoff(dtype) * abs(exact) + float(
        np.finfo(dtype).smallest_subnormal
    )
    assert (abs(run.weight[unseen] - exact) <= bound).all()


@pytest.mark.parametrize("who", ["numpy", "torch"])
def test_a_float32_run_has_nothing_wider_in_it(who: str, runs: Runs) -> None:
    run = runs.of(who, "defaults", "float32")
    assert {getattr(run, name).dtype for name in TENSORS} == {np.dtype("float32")}
    assert (run.losses == run.losses.astype(np.float32)).all()


PLANTED = {
    "eps 1 % too large": {"eps": 1.01e-8},
    # what it is worth at the first step
    "eps before the bias correction": {"eps": 1e-8 * np.sqrt(1000)},
    "beta2 rounded to float32": {"betas": (0.9, float(np.float32(0.999)))},
    "decay not multiplied by lr": {"weight_decay": 1e-2 / 1e-3},
    "no decay": {"weight_decay": 0.0},
    "betas swapped": {"betas": (0.999, 0.9)},
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mistake", PLANTED)
def test_planted_mistakes_are_caught(mistake: str, dtype: str, runs: Runs) -> None:
    config, table, batches = runs.start("defaults", dtype)
    trainer = NumpyTrainer(table, config)
    for name, value in PLANTED[mistake].items():
        setattr(trainer.optimizer, name, value)
    wrong, right = finish(trainer, batches), runs.of("numpy", "defaults", dtype)
    assert over(wrong, right, limits("defaults", dtype, "torch"))
    # The rounded decay alone is more than the smallest of these mistakes in float32.
    if dtype == "float64":
        assert over(wrong, right, limits("defaults", dtype, "truth"))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_single_wrong_pair_in_a_thousand_batches_is_caught(dtype: str, runs: Runs) -> None:
    config, table, batches = runs.start("defaults", dtype)
    idx, targets = batches[500]
    targets = targets.copy()
    targets[3, 5] = (targets[3, 5] + 1) % len(table)
    batches = [*batches[:500], (idx, targets), *batches[501:]]
    wrong, right = finish(NumpyTrainer(table, config), batches), runs.of("numpy", "defaults", dtype)
    for other in ("torch", "truth"):
        assert over(wrong, right, limits("defaults", dtype, other)), other


def measure() -> None:
    """Prints ``MEASURED``."""
    from common.text.corpus import load_corpus, surrogate_corpus

    texts = [Runs(load_corpus()), Runs(surrogate_corpus())]
    for setting in SETTINGS:
        for dtype in DTYPES:
            for other, pairs in {
                "torch": [("numpy", "torch")],
                "truth": [("numpy", "truth"), ("torch", "truth")],
            }.items():
                seen = [
                    distances(runs.of(one, setting, dtype), runs.of(two, setting, dtype))
                    for runs in texts
                    for one, two in pairs
                ]
                residuals = ", ".join(f"{max(column):.1e}" for column in zip(*seen, strict=True))
                print(f'    ("{setting}", "{dtype}", "{other}"): ({residuals}),')


if __name__ == "__main__":
    measure()
