"""Proves that lockstep runs agree as closely as published, and that the comparison says "differ"
when one of the two is wrong: mistakes are planted in the code that ``compare`` runs, one at a
time."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any
from unittest import mock

import numpy as np
import pytest

from common.config import Config
from common.errors import DivergedError, UserError
from common.text.corpus import Corpus, load_corpus
from common.training import initial_table
from impl_numpy import cross_entropy, pair_counts
from impl_numpy.fast.adamw import FastAdamW
from impl_numpy.fast.pair_counts import PairCounts

pytest.importorskip("torch")

import bigram.runs.compare
import impl_numpy.fast.trainer
from bigram.runs.compare import Comparison, Largest, Lockstep, compare
from bigram.runs.report import comparison_report, verdict_line
from bigram.strict_json import plain, to_json
from impl_torch.device import pick_device
from tests.kit import one_in

STATE = ["weight", "exp_avg", "exp_avg_sq"]


# Residuals measured on an x86-64 CPU with AVX2, the worse of both corpora: float64 2.7e-15, 6e-17,
# 1.8e-15, 1.4e-17, 1.7e-19; float32 1.5e-6, 3e-8, 9.6e-7, 7.5e-9, 1.2e-10. Every limit is within
# 100 times that.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("dtype", "loss", "gradient", "weight", "exp_avg", "exp_avg_sq"),
    [("float32", 2e-5, 2e-6, 2e-5, 5e-7, 1e-8), ("float64", 1e-13, 3e-15, 1e-13, 1e-15, 1e-17)],
)
def test_five_thousand_steps_in_lockstep(
    text_for_long_runs: Corpus,
    published: Callable,
    dtype: str,
    loss: float,
    gradient: float,
    weight: float,
    exp_avg: float,
    exp_avg_sq: float,
) -> None:
    result = plain(published(text_for_long_runs, dtype))
    agreement = result["agreement"]
    assert agreement["loss_max_abs"] <= loss
    assert agreement["gradient_max_abs"] <= gradient
    assert agreement["weight_max_abs"] <= weight
    assert agreement["exp_avg_max_abs"] <= exp_avg
    assert agreement["exp_avg_sq_max_abs"] <= exp_avg_sq
    assert agreement["within"] is True
    assert max(agreement["fraction_of_bound"].values()) <= 1
    assert result["verdict"] == "agree"
    for row in result["history"]:
        assert row["numpy"]["train"] == pytest.approx(row["torch"]["train"], abs=loss)
        assert row["numpy"]["val"] == pytest.approx(row["torch"]["val"], abs=loss)
    assert result["history"][-1]["numpy"]["train"] == pytest.approx(2.56, abs=0.03)
    assert result["sample"]["identical"] is True
    assert len(result["sample"]["text"]) == 500


def short(corpus: Corpus, **settings: Any) -> Comparison:
    """A short run in float64 unless told otherwise, with one step timed where ``compare`` times
    hundreds."""
    config = replace(Config(max_iters=200, eval_interval=100, dtype="float64"), **settings)
    quick = partial(bigram.runs.compare.microseconds_per_step, rounds=1, steps=1)
    with mock.patch("bigram.runs.compare.microseconds_per_step", quick):
        return compare(corpus, config)


@pytest.mark.parametrize(
    "settings",
    [
        *one_in(
            2,
            [
                {"lr": 1e-1},
                {"lr": 1.0},
                {"lr": 0.0},
                {"betas": (0.5, 0.9)},
                {"betas": (0.0, 0.0)},
                {"weight_decay": 10.0},
                {"eps": 1e-3},
                {"lr": 1.0, "batch_size": 512, "block_size": 16, "max_iters": 50},
                {"lr": 0.1, "betas": (0.99, 0.9)},
                {"lr": 0.1, "betas": (0.0, 0.0)},
                {"batch_size": 1, "block_size": 1},
                {"batch_size": 512, "block_size": 16, "max_iters": 50},
                {"eval_iters": 20},
                {"lr": 1.0, "weight_decay": 0.0, "betas": (0.1, 0.5)},
                # From here on the two part, by whole steps where the gradient is smaller than its
                # rounding.
                {"lr": 5.0},
                {"lr": 10.0, "max_iters": 300},
                {"lr": 300.0, "weight_decay": 0.0},
                {"lr": 1e3, "weight_decay": 9e-4},
                {"lr": 1e3, "weight_decay": 0.0, "betas": (0.1, 0.5)},
            ],
        ),
        pytest.param({"lr": 3.0, "weight_decay": 0.0, "max_iters": 3000}, marks=pytest.mark.slow),
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", one_in(2, ["float32", "float64"]))
def test_no_false_alarm_at_other_settings(surrogate: Corpus, dtype: str, settings: dict) -> None:
    result = short(surrogate, dtype=dtype, **settings)
    assert result.verdict == "agree", result.largest
    if result.config.lr <= 1:
        assert result.vacuous == {}


def test_a_bound_that_can_find_nothing_is_listed(surrogate: Corpus) -> None:
    result = short(surrogate, lr=300.0, weight_decay=0.0, dtype="float32")
    vacuous = result.vacuous
    assert "loss" in vacuous
    assert "update" not in vacuous
    assert 1 < vacuous["loss"] <= 200
    report = "\n".join(comparison_report(result))
    assert f"\nvacuous   loss, every step: from step {vacuous['loss']} on" in report
    assert verdict_line(result).startswith("agree: ")
    assert "vacuous" not in "\n".join(comparison_report(short(surrogate)))


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_a_row_that_the_batch_does_not_hold_must_stay_zero(surrogate: Corpus, side: str) -> None:
    table = initial_table(5, "float64", np.random.default_rng(0))
    lockstep, batch = Lockstep(table, Config(dtype="float64"), "cpu"), np.array([[0, 1]])
    lockstep.step(batch, batch)
    assert lockstep.largest["gradient"].within
    gradients = {side: np.zeros((5, 5)) for side in ("ours", "theirs")}
    gradients[side][3, 2] = 1e-300
    lockstep._compare_gradients(**gradients, visited=np.array([0, 1]), bound=np.ones((2, 5)))
    assert lockstep.largest["gradient"].fraction_of_bound == np.inf


@pytest.mark.parametrize(
    "text", ["ab" * 10, "a" * 20, "the cat sat on the mat, the cat sat", "ä😀\n" * 8]
)
@pytest.mark.parametrize("dtype", one_in(2, ["float64", "float32"]))
@pytest.mark.parametrize("steps", [300, pytest.param(3000, marks=pytest.mark.slow)])
def test_no_false_alarm_on_small_texts(tmp_path: object, steps: int, dtype: str, text: str) -> None:
    path = tmp_path / "text.txt"  # type: ignore[operator]
    path.write_text(text, encoding="utf-8")
    result = short(load_corpus(path), dtype=dtype, batch_size=3, block_size=4, max_iters=steps)
    assert result.verdict == "agree", result.largest


def repeated_ids_lost(original: Callable) -> Callable:
    def loss_and_gradient(
        self: PairCounts, W: np.ndarray, idx: np.ndarray, targets: np.ndarray
    ) -> tuple[float, np.ndarray]:
        idx, targets = idx.ravel(), targets.ravel()
        loss, p = cross_entropy.cross_entropy(W[idx], targets)
        dW = np.zeros_like(W)
        dW[idx] += cross_entropy.cross_entropy_backward(p, targets)
        return float(loss), dW

    return loss_and_gradient


def mean_forgotten(original: Callable) -> Callable:
    def loss_and_gradient(
        self: PairCounts, W: np.ndarray, idx: np.ndarray, targets: np.ndarray
    ) -> tuple[float, np.ndarray]:
        loss, dW = original(self, W, idx, targets)
        return loss, dW * idx.size

    return loss_and_gradient


def one_entry_off(original: Callable) -> Callable:
    def loss_and_gradient(
        self: PairCounts, W: np.ndarray, idx: np.ndarray, targets: np.ndarray
    ) -> tuple[float, np.ndarray]:
        loss, dW = original(self, W, idx, targets)
        dW[3, 5] += 1e-13
        return loss, dW

    return loss_and_gradient


def loss_off(original: Callable) -> Callable:
    return lambda W, counts: original(W, counts) + 1e-12


def decay_after_the_update(original: Callable) -> Callable:
    def step(self: FastAdamW, W: np.ndarray, dW: np.ndarray) -> None:
        decay, self.weight_decay = self.weight_decay, 0.0
        original(self, W, dW)
        self.weight_decay = decay
        W *= 1 - self.lr * decay

    return step


def second_moment_off(original: Callable) -> Callable:
    def step(self: FastAdamW, W: np.ndarray, dW: np.ndarray) -> None:
        original(self, W, dW)
        if self.steps == 200:
            self.exp_avg_sq *= 1 + 1e-9

    return step


def first_moment_off(original: Callable) -> Callable:
    def step(self: FastAdamW, W: np.ndarray, dW: np.ndarray) -> None:
        original(self, W, dW)
        if self.steps == 200:
            self.exp_avg *= 1 + 1e-11

    return step


def turns_into_nan(original: Callable) -> Callable:
    def step(self: FastAdamW, W: np.ndarray, dW: np.ndarray) -> None:
        original(self, W, dW)
        if self.steps == 150:
            W[7, 7] = np.nan

    return step


def next_row(original: Callable) -> Callable:
    return lambda W, idx, uniforms: original(W, (idx + 1) % 65, uniforms)


@pytest.mark.parametrize(
    ("mistake", "place", "name", "found"),
    one_in(
        3,
        [
            (repeated_ids_lost, PairCounts, "loss_and_gradient", "gradient"),
            (mean_forgotten, PairCounts, "loss_and_gradient", "gradient"),
            (one_entry_off, PairCounts, "loss_and_gradient", "gradient"),
            (loss_off, pair_counts, "loss_of_counts", "loss"),
            (decay_after_the_update, FastAdamW, "step", "update"),
            (first_moment_off, FastAdamW, "step", "exp_avg"),
            (second_moment_off, FastAdamW, "step", "exp_avg_sq"),
            (turns_into_nan, FastAdamW, "step", "weight"),
            (next_row, impl_numpy.fast.trainer, "generate", None),
        ],
    ),
)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_a_planted_mistake_makes_them_differ(
    surrogate: Corpus,
    monkeypatch: pytest.MonkeyPatch,
    mistake: Callable,
    place: object,
    name: str,
    found: str | None,
) -> None:
    monkeypatch.setattr(place, name, mistake(getattr(place, name)))
    result = short(surrogate)
    assert result.verdict == "differ"
    over = [name for name, largest in result.largest.items() if not largest.within]
    assert found in over if found else over == []
    assert verdict_line(result).startswith("differ: ")
    assert list(comparison_report(result))[-1].strip() == verdict_line(result)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_another_device_agrees_too(surrogate: Corpus, device: str, dtype: str) -> None:
    try:
        pick_device(device, dtype)
    except UserError as reason:
        pytest.skip(str(reason))
    result = compare(surrogate, Config(dtype=dtype, max_iters=1000), device)
    assert result.verdict == "agree", result.largest
    assert result.device == device


def test_largest_keeps_the_worst_of_each() -> None:
    seen = Largest()
    assert seen.within
    seen.see(np.array([1.0, 2.0]), np.array([1.5, 2.0]), np.array([1.0, 0.0]))
    assert (seen.max_abs, seen.bound, seen.fraction_of_bound, seen.within) == (0.5, 1.0, 0.5, True)
    seen.see(np.array([0.0, 0.1]), np.array([0.0, 0.0]), np.array([0.0, 0.125]))
    assert (seen.max_abs, seen.bound, seen.fraction_of_bound, seen.within) == (0.5, 1.0, 0.8, True)
    seen.see(1e-300, 0.0, 0.0)  # a difference where none may be
    assert seen.fraction_of_bound == np.inf
    assert not seen.within


@pytest.mark.parametrize(
    ("ours", "theirs"), [(np.nan, 0.0), (0.0, np.nan), (np.nan, np.nan), (np.inf, 0.0)]
)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_largest_is_not_fooled_by_what_is_no_number(ours: float, theirs: float) -> None:
    seen = Largest()
    seen.see(ours, theirs, 1.0)
    seen.see(0.0, 0.0, 1.0)
    assert not seen.within


# after the second, the losses of the whole text are no numbers
@pytest.mark.parametrize("steps", [2, 20])
def test_a_run_that_diverges_on_both_sides_stops_and_says_so(surrogate: Corpus, steps: int) -> None:
    with pytest.raises(DivergedError, match=r"after \d updates the losses of both are not finite"):
        compare(surrogate, Config(lr=1e30, max_iters=steps))


def test_the_result_is_plain_json_with_the_promised_keys(surrogate: Corpus) -> None:
    steps: list[int] = []
    found = compare(surrogate, Config(max_iters=20, eval_interval=8), on_step=steps.append)
    assert steps == list(range(21))
    result = json.loads(to_json(found))
    assert set(result["corpus"]) == {"name", "source", "sha256", "characters", "vocab_size"}
    assert result["config"]["max_iters"] == 20
    assert [row["step"] for row in result["history"]] == [0, 8, 16, 20]
    assert all(
        set(row["numpy"]) == set(row["torch"]) == {"train", "val"} for row in result["history"]
    )
    names = {"loss", *STATE, "gradient", "update"}
    assert set(result["agreement"]) == {f"{name}_max_abs" for name in names} | {
        "bounds",
        "fraction_of_bound",
        "vacuous",
        "within",
    }
    assert set(result["agreement"]["bounds"]) == names
    for name in names:
        assert result["agreement"][f"{name}_max_abs"] <= result["agreement"]["bounds"][name]
    assert result["optimum"]["train"] == pytest.approx(2.4519134236, abs=1e-10)
    speed = result["speed"]
    assert speed["ratio"] == pytest.approx(speed["torch_us_per_step"] / speed["numpy_us_per_step"])
    assert speed["threads"] >= 1
    assert set(result["sample"]) == {"text", "identical"}
    assert result["verdict"] == "agree"
