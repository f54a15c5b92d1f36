"""Proves that ``compare`` calls no correct code wrong at settings drawn from all that can be typed,
and that at the same settings it finds each of ten planted faults or lists the bound that missed it
as vacuous."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from common.config import Config
from common.text.corpus import Corpus, load_corpus
from impl_numpy.fast.trainer import trainer_for
from impl_numpy.trainer import NumpyTrainer

pytest.importorskip("torch")

import bigram.runs.compare
from bigram.runs.compare import compare


class Faulty:
    """``trainer_for``, with a fault planted in the numbers that its trainer holds after every
    step."""

    def __init__(self, fault: Callable[..., None]) -> None:
        self.fault = fault
        self.make = trainer_for

    def __call__(self, table: np.ndarray, config: Config) -> NumpyTrainer:
        trainer = self.make(table, config)
        step = trainer.step

        def faulty(idx: np.ndarray, targets: np.ndarray) -> float:
            row, target = idx.flat[0], targets.flat[0]
            before = trainer.model.token_embedding_table[row].copy()
            loss = step(idx, targets)
            self.fault(trainer, before, row, target)
            return loss

        trainer.step = faulty  # type: ignore[method-assign]
        return trainer


def gradient_of(trainer: NumpyTrainer, row: int) -> np.ndarray:
    """That row of the last gradient, to be changed in place."""
    rows = getattr(trainer, "rows", None)
    return trainer.dW[row if rows is None else np.searchsorted(rows, row)]


# Each is given the trainer after its step, and the first pair of the batch with its row before it.
def gradient_summed(trainer: NumpyTrainer, before: np.ndarray, row: int, target: int) -> None:
    trainer.dW *= 1024


def gradient_of_ones(trainer: NumpyTrainer, before: np.ndarray, row: int, target: int) -> None:
    gradient_of(trainer, row)[:] = 1


def gradient_off(trainer: NumpyTrainer, before: np.ndarray, row: int, target: int) -> None:
    gradient_of(trainer, row)[target] -= 1e-3


def mean_off(trainer: NumpyTrainer, before: np.ndarray, row: int, target: int) -> None:
    trainer.optimizer.exp_avg[row, target] += 1e-3


def mean_scaled(trainer: NumpyTrainer, before: np.ndarray, row: int, target: int) -> None:
    trainer.optimizer.exp_avg *= 1 + 1e-3
    trainer.optimizer.exp_avg[row, target] -= 1e-3


def square_off(trainer: NumpyTrainer, before: np.ndarray, row: int, target: int) -> None:
    trainer.optimizer.exp_avg_sq[row, target] += 1


def weight_off(trainer: NumpyTrainer, before: np.ndarray, row: int, target: int) -> None:
    trainer.model.token_embedding_table[row, target] *= 1.001
    trainer.model.token_embedding_table[row, target] += 1e-3


def row_not_updated(trainer: NumpyTrainer, before: np.ndarray, row: int, target: int) -> None:
    trainer.model.token_embedding_table[row] = before + 1e-3


def step_too_long(trainer: NumpyTrainer, before: np.ndarray, row: int, target: int) -> None:
    W = trainer.model.token_embedding_table
    W[row] += 0.01 * (W[row] - before) + 1e-3


def weight_lost(trainer: NumpyTrainer, before: np.ndarray, row: int, target: int) -> None:
    trainer.model.token_embedding_table[row, target] = np.nan


FAULTS: dict[Callable[..., None], set[str]] = {
    gradient_summed: {"gradient"},
    gradient_of_ones: {"gradient"},
    gradient_off: {"gradient"},
    mean_off: {"exp_avg"},
    mean_scaled: {"exp_avg"},
    square_off: {"exp_avg_sq"},
    weight_off: {"update", "weight"},
    row_not_updated: {"update", "weight"},
    step_too_long: {"update", "weight"},
    weight_lost: {"update", "weight"},
}


def random_setting(number: int) -> tuple[int, Config]:
    """V and a schedule: lr up to 1e3, lr times decay below 1, both dtypes, betas from 0 to
    0.999."""
    rng = np.random.default_rng([15, number])
    large = number % 20 == 19
    lr = float(10 ** rng.uniform(-4, 3))
    return 4096 if large else int(rng.choice([1, 2, 5, 30, 65, 128, 256])), Config(
        batch_size=int(rng.integers(1, 64)),
        block_size=int(rng.integers(1, 12)),
        max_iters=int(rng.integers(5, 10 if large else 120)),
        lr=lr,
        weight_decay=float(rng.choice([0, 0.01, 0.5, 0.99])) * min(1.0, 1 / lr),
        betas=(
            float(rng.choice([0.0, 0.1, 0.5, 0.9, 0.999])),
            float(rng.choice([0.0, 0.5, 0.99, 0.999])),
        ),
        dtype=str(rng.choice(["float32", "float64"])),
        seed=number,
    )


def text_of(V: int, folder: Path) -> Corpus:
    """A text of V different characters, the rarest ten times as rare as the most frequent."""
    rng = np.random.default_rng(V)
    ids = np.concatenate(
        [
            np.arange(V),
            rng.choice(V, 40 * V + 400, p=np.geomspace(1, 10, V) / np.geomspace(1, 10, V).sum()),
        ]
    )
    path = folder / f"{V}.txt"
    path.write_text("".join(chr(0x4E00 + i) for i in ids), encoding="utf-8")
    return load_corpus(path)


def run(corpus: Corpus, config: Config, **patches: Any) -> dict:
    timed = mock.Mock(return_value=bigram.runs.compare.Pair(1.0, 1.0))
    with mock.patch.multiple(bigram.runs.compare, microseconds_per_step=timed, **patches):
        return compare(corpus, config).record()["agreement"]


def check(number: int, folder: Path, faults: list[Callable[..., None]]) -> None:
    V, config = random_setting(number)
    corpus = text_of(V, folder)
    right = run(corpus, config)
    assert right["within"], (V, config, right)
    # The first step of the same run shows most; what it does not show, all of it must.
    for fault in faults:
        if V == 1 and fault is gradient_summed:
            continue  # the gradient is zero, and so is any multiple of it
        for steps in (1, config.max_iters):
            wrong = run(corpus, replace(config, max_iters=steps), trainer_for=Faulty(fault))
            found = {
                name for name, fraction in wrong["fraction_of_bound"].items() if not fraction <= 1
            }
            if found & FAULTS[fault]:
                break
        vacuous = FAULTS[fault] <= set(right["vacuous"])
        assert found & FAULTS[fault] or vacuous, (fault.__name__, V, config, wrong)


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_a_few_random_settings(number: int, tmp_path: Path) -> None:
    check(number, tmp_path, list(FAULTS)[number::4])


@pytest.mark.slow
@pytest.mark.parametrize("number", range(60))
def test_random_settings(number: int, tmp_path: Path) -> None:
    check(number, tmp_path, list(FAULTS))
