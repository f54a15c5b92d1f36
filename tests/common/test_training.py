"""Proves that the training loop steps and evaluates when it should, that evaluation is exact and
changes nothing, and that the published schedule ends at the published loss on either backend."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bigram.bounds import loss_bound
from common.config import Config
from common.errors import UserError
from common.pairs import count_pairs
from common.text.corpus import Corpus, load_corpus
from common.training import Trainer, initial_table, train
from impl_numpy.trainer import NumpyTrainer

torch = pytest.importorskip("torch")

from impl_torch.device import pick_device  # noqa: E402
from impl_torch.model import BigramLanguageModel as TorchModel  # noqa: E402
from impl_torch.trainer import TorchTrainer  # noqa: E402
from tests.kit import one_in  # noqa: E402

BACKENDS: dict[str, Callable[[Any, Config], Trainer]] = {
    "numpy": NumpyTrainer,
    "torch": TorchTrainer,
}


def run(backend: str, corpus: Corpus, config: Config) -> tuple[Trainer, list]:
    rng = np.random.default_rng(config.seed)
    trainer = BACKENDS[backend](
        initial_table(corpus.tokenizer.vocab_size, config.dtype, rng), config
    )
    return trainer, [p.evaluation for p in train(trainer, corpus, config, rng) if p.evaluation]


class Recorder:
    """The least trainer: it records every call."""

    def __init__(self) -> None:
        self.batches: list = []
        self.evaluated: list = []

    def step(self, idx: np.ndarray, targets: np.ndarray) -> str:
        self.batches.append((idx, targets))
        return f"loss {len(self.batches)}"

    def evaluate(self, counts: np.ndarray) -> str:
        self.evaluated.append((len(self.batches), counts))
        return f"evaluated {len(self.evaluated)}"


def record(corpus: Corpus, **settings: Any) -> tuple[Recorder, list]:
    config = replace(Config(max_iters=25, eval_interval=10), **settings)
    recorder = Recorder()
    return recorder, list(train(recorder, corpus, config, np.random.default_rng(0)))


def test_the_loop_steps_and_evaluates_when_it_should(surrogate: Corpus) -> None:
    recorder, progress = record(surrogate)
    assert [p.step for p in progress] == list(range(26))
    assert [p.loss for p in progress] == [None, *(f"loss {k}" for k in range(1, 26))]
    assert [p.step for p in progress if p.evaluation] == [0, 10, 20, 25]  # the last step too
    assert [p.evaluation.step for p in progress if p.evaluation] == [0, 10, 20, 25]
    assert [made for made, _ in recorder.evaluated] == [0, 0, 10, 10, 20, 20, 25, 25]
    assert progress[0].evaluation[1:] == ("evaluated 1", "evaluated 2")
    sizes = [int(counts.sum()) for _, counts in recorder.evaluated]
    assert sizes == [1_003_853, 111_539] * 4  # every pair of each split


def test_sampled_evaluation_takes_as_many_batches_as_it_is_told(surrogate: Corpus) -> None:
    recorder, _ = record(surrogate, eval_iters=200)
    assert [int(counts.sum()) for _, counts in recorder.evaluated] == [200 * 32 * 8] * 8
    for (_, first), (_, second) in pairwise(recorder.evaluated):
        assert not np.array_equal(first, second)  # drawn anew each time


def test_how_a_run_is_evaluated_does_not_change_its_batches(surrogate: Corpus) -> None:
    runs = [
        record(surrogate, **settings)[0]
        for settings in ({}, {"eval_iters": 3}, {"eval_interval": 7})
    ]
    for other in runs[1:]:
        np.testing.assert_array_equal(runs[0].batches, other.batches)


def test_a_run_can_be_stopped_at_any_step(surrogate: Corpus) -> None:
    recorder = Recorder()
    for progress in train(recorder, surrogate, Config(), np.random.default_rng(0)):
        if progress.step == 3:
            break
    assert len(recorder.batches) == 3


def test_a_split_too_short_for_a_block_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "short.txt"
    path.write_text("to be or not to be", encoding="utf-8")  # 16 and 2 characters
    corpus = load_corpus(path)
    record(corpus, block_size=15)
    with pytest.raises(UserError, match="block_size 16 needs 17 tokens"):
        record(corpus, block_size=16)
    with pytest.raises(
        UserError, match="block_size 8 needs 9 tokens in the split and this one has 2"
    ):
        # the validation split need only be long enough if it is sampled
        record(corpus, eval_iters=5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_exact_evaluation_is_the_loss_of_the_whole_split(surrogate: Corpus, dtype: str) -> None:
    config = Config(dtype=dtype, max_iters=1)
    rng = np.random.default_rng(5)
    table = initial_table(65, dtype, rng)
    model = TorchModel(65).double()
    model.token_embedding_table.weight.data = torch.from_numpy(table.astype("float64"))
    tokens = torch.from_numpy(surrogate.val.astype(np.int64))
    with torch.no_grad():
        expected = float(model(tokens[None, :-1], tokens[None, 1:])[1])
    for backend in BACKENDS:
        _, (first, _) = run(backend, surrogate, replace(config, seed=5))
        assert type(first.val) is float
        assert abs(first.val - expected) <= loss_bound(expected, dtype), backend


@pytest.mark.parametrize(
    ("lr", "train_loss", "val_loss", "spread"),
    one_in(2, [(1e-2, 2.458, 2.490, 0.01), (1e-3, 2.56, 2.57, 0.03)]),
)
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_published_schedule_ends_where_it_should(
    text_for_long_runs: Corpus,
    backend: str,
    lr: float,
    train_loss: float,
    val_loss: float,
    spread: float,
) -> None:
    _, history = run(backend, text_for_long_runs, Config(lr=lr))
    assert [evaluation.step for evaluation in history] == list(range(0, 5001, 500))
    assert history[0].train == pytest.approx(4.73, abs=0.1)
    assert history[-1].train == pytest.approx(train_loss, abs=spread)
    assert history[-1].val == pytest.approx(val_loss, abs=spread)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_run_stays_in_its_dtype(surrogate: Corpus, backend: str, dtype: str) -> None:
    trainer, _ = run(backend, surrogate, Config(dtype=dtype, max_iters=3))
    for name, array in trainer.state()._asdict().items():
        assert array.dtype == dtype, name
        assert array.shape == (65, 65), name
        assert array.any(), name


@pytest.mark.parametrize("backend", BACKENDS)
def test_before_the_first_step_gradient_and_moments_are_zero(backend: str) -> None:
    table = initial_table(5, "float32", np.random.default_rng(0))
    state = BACKENDS[backend](table, Config()).state()
    np.testing.assert_array_equal(state.weight, table)
    assert not np.shares_memory(state.weight, table)
    assert not any(array.any() for array in state[1:])


@pytest.mark.parametrize("eval_iters", [None, 3])
@pytest.mark.parametrize("part", ["train", "val"])
def test_ids_outside_the_vocabulary_are_refused_before_the_first_step(
    surrogate: Corpus, part: str, eval_iters: int | None
) -> None:
    tokens = getattr(surrogate, part).copy()
    tokens[-1] = 65
    config, rng = Config(eval_iters=eval_iters), np.random.default_rng(0)
    trainer = NumpyTrainer(np.zeros((65, 65)), config)
    with pytest.raises(UserError, match="the text holds the id 65; ids run from 0 to 64"):
        train(trainer, replace(surrogate, **{part: tokens}), config, rng)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_same_seed_gives_the_same_run(surrogate: Corpus, backend: str) -> None:
    config = Config(max_iters=20, eval_interval=10)
    (first, history), (second, again) = (run(backend, surrogate, config) for _ in range(2))
    assert history == again
    np.testing.assert_array_equal(first.state(), second.state())
    assert run(backend, surrogate, replace(config, seed=1))[1] != history


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_step_returns_the_loss_before_it(backend: str, rng: np.random.Generator) -> None:
    trainer = BACKENDS[backend](initial_table(5, "float64", rng), Config(dtype="float64"))
    idx, targets = rng.integers(5, size=(2, 3, 4))
    before = trainer.evaluate(count_pairs(idx, targets, 5))
    loss = trainer.step(idx, targets)
    assert type(loss) is float
    assert abs(loss - before) <= loss_bound(before, "float64")
    assert trainer.evaluate(count_pairs(idx, targets, 5)) < before


def test_both_write_a_character_for_each_column_of_draws(rng: np.random.Generator) -> None:
    table, idx, uniforms = (
        initial_table(5, "float64", rng),
        rng.integers(5, size=(2, 3)),
        rng.random((2, 7)),
    )
    config = Config(dtype="float64")
    ours, theirs = NumpyTrainer(table, config), TorchTrainer(table, config)
    written = ours.generate(idx, uniforms)
    assert written.shape == (2, 3 + 7)
    np.testing.assert_array_equal(written, ours.model.generate(idx, 7, uniforms))
    np.testing.assert_array_equal(written, theirs.generate(idx, uniforms))


def test_a_float32_run_starts_from_the_float64_table_rounded() -> None:
    single, double = (
        initial_table(65, dtype, np.random.default_rng(0)) for dtype in ("float32", "float64")
    )
    np.testing.assert_array_equal(single, double.astype("float32"))


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"batch_size": 0}, "batch_size is 0; it must be at least 1 and at most"),
        ({"block_size": -1}, "block_size is -1"),
        ({"max_iters": 0}, "max_iters is 0"),
        ({"eval_interval": 0}, "eval_interval is 0"),
        ({"eval_iters": 0}, "eval_iters is 0"),
        ({"lr": float("nan")}, "lr is nan; it must be a number from 0 to 1e30"),
        ({"lr": -0.5}, "lr is -0.5"),
        ({"eps": -1e-9}, "eps is -1e-09"),
        ({"weight_decay": -0.5}, "weight_decay is -0.5"),
        ({"weight_decay": float("inf")}, "weight_decay is inf"),
        ({"betas": (1.0, 0.9)}, "beta1 is 1.0; it must be at least 0 and below 1"),
        ({"betas": (0.9, -0.1)}, "beta2 is -0.1"),
        ({"dtype": "float16"}, "dtype is 'float16'; it must be float32 or float64"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_a_schedule_that_cannot_run_is_refused(settings: dict, error: str) -> None:
    with pytest.raises(UserError, match=error):
        Config(**settings)


def test_devices_are_found_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for cuda, mps in [(True, True), (True, False), (False, True), (False, False)]:
        monkeypatch.setattr(torch.cuda, "is_available", lambda cuda=cuda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda mps=mps: mps)
        assert pick_device("cpu", "float64").type == "cpu"
        assert pick_device("auto", "float32").type == ("cuda" if cuda else "mps" if mps else "cpu")
        assert pick_device("auto", "float64").type == ("cuda" if cuda else "cpu")
    with pytest.raises(UserError, match="no cuda device here; use the cpu"):
        pick_device("cuda", "float32")
    with pytest.raises(UserError, match="mps has no float64"):
        pick_device("mps", "float64")
