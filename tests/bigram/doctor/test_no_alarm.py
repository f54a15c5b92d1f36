"""Proves that right code gets no false alarm at any size: random tables of up to 128 characters,
with logits from flat to saturated, and random runs of AdamW, by every right form that is at hand,
in both dtypes, judged by the doctor's own bounds."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from bigram.comparator import compare_tensor
from bigram.doctor.evidence import TorchAdamW, trained
from bigram.doctor.mistakes import optimizers
from bigram.doctor.optimizer import Run
from bigram.doctor.sizes import SizedCase
from bigram.studies.worst_cases import by_rows
from impl_numpy.adamw import AdamW
from impl_numpy.fast.adamw import FastAdamW
from impl_numpy.fast.pair_counts import PairCounts
from tests.bigram.doctor.test_mistakes import CORRECT, RunningProducts
from tests.kit.cases import random_case

DTYPES = ["float64", "float32"]
GRADIENTS, RUNS = 5_000, 1_000  # in each dtype, with -m slow


def with_buffers(W: np.ndarray, idx: np.ndarray, targets: np.ndarray) -> tuple[float, np.ndarray]:
    loss, dW = PairCounts(W).loss_and_gradient(W, idx, targets)
    return loss, dW


class FoldedRate(AdamW):
    """Correct: both bias corrections are in the rate, and eps is scaled as they ask."""

    def step(self, W: np.ndarray, dW: np.ndarray) -> None:
        beta1, beta2 = self.betas
        self.steps += 1
        root = math.sqrt(1 - beta2**self.steps)
        self.exp_avg = beta1 * self.exp_avg + (1 - beta1) * dW
        self.exp_avg_sq = beta2 * self.exp_avg_sq + (1 - beta2) * np.square(dW)
        W *= 1 - self.lr * self.weight_decay
        rate = self.lr * root / (1 - beta1**self.steps)
        W -= rate * self.exp_avg / (np.sqrt(self.exp_avg_sq) + self.eps * root)


class OneSubtraction(AdamW):
    """Correct: decay and update are subtracted at once, from a copy of the moments."""

    def step(self, W: np.ndarray, dW: np.ndarray) -> None:
        beta1, beta2 = self.betas
        self.steps += 1
        self.exp_avg += (1 - beta1) * (dW - self.exp_avg)
        self.exp_avg_sq += (1 - beta2) * (dW * dW - self.exp_avg_sq)
        m_hat = self.exp_avg / (1 - beta1**self.steps)
        v_hat = self.exp_avg_sq / (1 - beta2**self.steps)
        W[...] = W - self.lr * (m_hat / (np.sqrt(v_hat) + self.eps) + self.weight_decay * W)


GRADIENT_FORMS: dict[str, Callable[..., Any]] = CORRECT | {
    "rows": by_rows,
    "buffers": with_buffers,
}
OPTIMIZER_FORMS: dict[str, Callable[..., Any]] = {
    "plain": AdamW,
    "fast": FastAdamW,
    "as the paper writes it": RunningProducts,
    "the catalogue's own": optimizers.build(),
    "folded rate": FoldedRate,
    "one subtraction": OneSubtraction,
    "torch": TorchAdamW,
    "torch, a loop": partial(TorchAdamW, foreach=False),
    "torch, all at once": partial(TorchAdamW, foreach=True),
    "torch, fused": partial(TorchAdamW, fused=True),
}


def random_size(rng: np.random.Generator, dtype: str) -> SizedCase:
    """V from 1 to 128, N from 1 to 512."""
    V, B, T = (int(2 ** rng.uniform(0, most)) for most in (7.01, 4.1, 5.1))
    reach = float(rng.choice([0.0, 0.1, 1.0, 5.0, 30.0, 300.0]))
    return SizedCase("random", *random_case(rng, dtype, V, B, T, reach))


def random_run(rng: np.random.Generator, dtype: str) -> Run:
    """Tables of up to 24 by 24, up to 60 steps; rows that come and go, with gradients of many
    sizes, some as small as eps."""
    rows, columns, steps = (int(n) for n in rng.integers(1, (25, 25, 61)))
    sizes = 10.0 ** rng.uniform(-6, 1.5, (rows, 1))
    visited = rng.random((steps, rows, 1)) < rng.choice([0.3, 1.0])
    gradients = (rng.normal(size=(steps, rows, columns)) * sizes * visited).astype(dtype)
    settings = {
        "lr": float(10 ** rng.uniform(-4, -0.5)),
        "betas": (
            float(rng.choice([0.0, 0.5, 0.9, 0.99, 0.999])),
            float(rng.choice([0.5, 0.9, 0.99, 0.999, 0.9999])),
        ),
        "eps": float(10 ** rng.uniform(-10, -2)),
        "weight_decay": float(rng.choice([0.0, 0.01, 0.1, 0.5])),
    }
    W = rng.normal(size=(rows, columns)).astype(dtype)
    return Run("random", W, list(gradients), settings)


def of_the_bound(form: Callable[..., Any], case: SizedCase) -> float:
    """How far loss and dW are from the truth, in bounds."""
    loss, dW = form(case.W, case.idx, case.targets)
    rows = case.rows({"loss": np.asarray(loss), "dW": dW}, ("loss", "dW"))
    return max(row.fraction_of_bound for row in rows)


def of_the_bound_of_steps(form: Callable[..., Any], run: Run) -> float:
    """How far the table after any step is from the truth, in bounds."""
    [output] = trained(form, [run])
    return compare_tensor("W", output["W"], *run.truth_and_bound).fraction_of_bound


@pytest.mark.parametrize("count", [100, pytest.param(GRADIENTS, marks=pytest.mark.slow)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_right_gradient_gets_no_alarm_at_any_size(dtype: str, count: int) -> None:
    pytest.importorskip("torch")
    rng = np.random.default_rng(29)
    for _ in range(count):
        case = random_size(rng, dtype)
        form = str(rng.choice(list(GRADIENT_FORMS)))
        assert of_the_bound(GRADIENT_FORMS[form], case) <= 1, (form, case.W.shape, case.idx.shape)


@pytest.mark.parametrize("count", [20, pytest.param(RUNS, marks=pytest.mark.slow)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_right_optimizer_gets_no_alarm_with_any_settings(dtype: str, count: int) -> None:
    pytest.importorskip("torch")
    rng = np.random.default_rng(30)
    for _ in range(count):
        run = random_run(rng, dtype)
        form = str(rng.choice(list(OPTIMIZER_FORMS)))
        assert of_the_bound_of_steps(OPTIMIZER_FORMS[form], run) <= 1, (form, run.settings)


@pytest.mark.parametrize("of", ["loss", "dW"])
def test_an_error_of_a_thousand_roundings_is_outside_the_bound(of: str) -> None:
    def nearly(W: np.ndarray, idx: np.ndarray, targets: np.ndarray) -> tuple[float, np.ndarray]:
        loss, dW = by_rows(W, idx, targets)
        factor = 1 + 1000 * 2.0**-52 * idx.size
        return (loss * factor, dW) if of == "loss" else (loss, dW * factor)

    rng = np.random.default_rng(31)
    sized = [random_size(rng, "float64") for _ in range(20)]
    cases = [case for case in sized if len(case.W) > 1]  # of one character, both are 0
    assert min(of_the_bound(nearly, case) for case in cases) > 1


def test_an_optimizer_off_by_a_billionth_is_outside_the_bound() -> None:
    class Nearly(AdamW):
        def step(self, W: np.ndarray, dW: np.ndarray) -> None:
            super().step(W, dW)
            W *= 1 + 1e-9

    rng = np.random.default_rng(31)
    for run in [random_run(rng, "float64") for _ in range(20)]:
        assert of_the_bound_of_steps(Nearly, run) > 1
