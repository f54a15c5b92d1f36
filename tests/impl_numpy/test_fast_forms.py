"""Proves that every fast form computes what its plain twin does: to the last bit where the order of
operations allows it, within the derived bound where it does not."""

import tracemalloc
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from bigram.bounds import loss_bound
from common.config import Config
from common.errors import UserError
from common.pairs import count_pairs
from common.training import initial_table
from impl_numpy import pair_counts
from impl_numpy.adamw import AdamW
from impl_numpy.fast import adamw, generation
from impl_numpy.fast.adamw import FastAdamW
from impl_numpy.fast.large_vocab import rows_of_gradient
from impl_numpy.fast.pair_counts import PairCounts
from impl_numpy.fast.trainer import FastTrainer, LargeVocabularyTrainer, trainer_for
from impl_numpy.model import BigramLanguageModel
from impl_numpy.trainer import NumpyTrainer
from tests.kit.cases import Case, random_case, random_cases

DTYPES = ["float32", "float64"]


def of_rows(W: np.ndarray, idx: np.ndarray, targets: np.ndarray) -> tuple[float, np.ndarray]:
    loss, rows, some = rows_of_gradient(W, idx, targets)
    assert rows.tolist() == sorted({*idx.ravel().tolist()})
    dW = np.zeros_like(W)
    dW[rows] = some
    return loss, dW


def of_counts(W: np.ndarray, idx: np.ndarray, targets: np.ndarray) -> tuple[float, np.ndarray]:
    counts = PairCounts(W)
    # leaves nothing behind in the arrays that are reused
    counts.loss_and_gradient(W + 1, targets, idx)
    return counts.loss_and_gradient(W, idx, targets)


FAST = [of_counts, of_rows]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("fast", FAST)
def test_the_gradient_is_that_of_the_plain_twin_in_every_bit(fast: Callable, dtype: str) -> None:
    for case in random_cases(dtype, seed=11, count=60):
        loss, dW = fast(*case)
        expected_loss, expected = pair_counts.loss_and_gradient(*case)
        assert dW.dtype == dtype
        assert type(loss) is float
        assert abs(loss - expected_loss) <= loss_bound(expected_loss, dtype), case
        np.testing.assert_array_equal(dW, expected, err_msg=str(case))


@pytest.mark.parametrize("fast", FAST)
def test_what_can_be_computed_without_rounding_is_the_same(
    fast: Callable, rng: np.random.Generator
) -> None:
    idx, targets = rng.integers(4, size=(2, 8, 8))
    loss, dW = fast(np.full((4, 4), 3.5, np.float32), idx, targets)
    C = count_pairs(idx, targets, 4)
    np.testing.assert_array_equal(dW, (C.sum(1, keepdims=True) / 4 - C) / 64)
    assert loss == float(np.log(np.float32(4)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("fast", FAST)
def test_rows_of_any_height_neither_overflow_nor_vanish(
    fast: Callable, dtype: str, rng: np.random.Generator
) -> None:
    W = rng.standard_normal((6, 6)).astype(dtype)
    W += np.array([[0], [1e4], [-1e4], [1e4], [-2e4], [0]], dtype)
    W[5, :3] -= 1e4
    case = Case(W, *rng.integers(6, size=(2, 5, 8)))
    (loss, dW), (expected_loss, expected) = fast(*case), pair_counts.loss_and_gradient(*case)
    assert abs(loss - expected_loss) <= loss_bound(expected_loss, dtype)
    np.testing.assert_array_equal(dW, expected)


@pytest.mark.parametrize("kind", ["uint8", "int32", "uint64"])
@pytest.mark.parametrize("fast", FAST)
def test_ids_are_integers_of_any_kind(fast: Callable, kind: str, rng: np.random.Generator) -> None:
    case = random_case(rng, "float64", V=9, B=4, T=5, reach=2)
    loss, dW = fast(case.W, case.idx.astype(kind), case.targets.astype(kind))
    assert loss == fast(*case)[0]
    np.testing.assert_array_equal(dW, fast(*case)[1])


@pytest.mark.parametrize("fast", FAST)
def test_a_table_in_fortran_order_has_the_same_gradient(
    fast: Callable, rng: np.random.Generator
) -> None:
    case = random_case(rng, "float64", V=9, B=4, T=5, reach=2)
    _, dW = fast(np.asfortranarray(case.W), case.idx, case.targets)
    np.testing.assert_array_equal(dW, fast(*case)[1])


def test_a_block_is_as_many_rows_as_its_bytes_hold() -> None:
    assert FastAdamW(np.zeros((70_000, 1), np.float32)).rows_in_block == 65_536
    assert FastAdamW(np.zeros((3, 100_000), np.float64)).rows_in_block == 1
    assert FastAdamW(np.zeros((5, 5))).rows_in_block == 5


def test_infinite_logits_are_left_to_the_plain_twin() -> None:
    # one of them is not used
    W = np.array([[0, -np.inf, 1], [np.inf, 0, 0], [-np.inf, -np.inf, -np.inf]])
    idx, targets = np.array([[0, 0]]), np.array([[2, 0]])
    with np.errstate(invalid="ignore"):
        loss, dW = PairCounts(W).loss_and_gradient(W, idx, targets)
    expected_loss, expected = pair_counts.loss_and_gradient(W, idx, targets)
    assert loss == expected_loss
    assert np.isfinite(loss)
    np.testing.assert_array_equal(dW, expected)
    assert not dW[1:].any()


@pytest.mark.parametrize(("tokens", "left"), [(2**24 - 1, False), (2**24, True)])
def test_more_tokens_than_a_float32_can_count_are_left_to_the_plain_twin(
    tokens: int, left: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Seen from float32, 2**24 + 1 pairs are 2**24: the counts of so large a batch are summed as
    # integers.
    idx, targets = (np.broadcast_to(np.uint8(0), (tokens,)) for _ in range(2))
    seen: list[tuple] = []
    monkeypatch.setattr(pair_counts, "loss_and_gradient", lambda *given: seen.append(given))
    W = np.zeros((1, 1), np.float32)
    PairCounts(W).loss_and_gradient(W, idx, targets)
    assert [list(map(id, given)) for given in seen] == [[id(W), id(idx), id(targets)]] * left


def gradients(
    rng: np.random.Generator, dtype: str, V: int, visited: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows and their gradients for a few steps: few, many, all in one block, none in another."""
    chosen = [np.sort(rng.choice(V, visited, replace=False)) for _ in range(4)]
    chosen.append(np.arange(visited))
    return [(rows, rng.standard_normal((len(rows), V)).astype(dtype)) for rows in chosen]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("visited", [0, 1, 7, 30, 37])
@pytest.mark.parametrize("rows_in_block", [1, 5, 37, 100])
@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.3, 0.9), (0.5, 0.9), (0.0, 0.0)])
def test_the_fast_adamw_is_adamw_in_every_bit(
    betas: tuple[float, float],
    rows_in_block: int,
    visited: int,
    dtype: str,
    rng: np.random.Generator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    V = 37
    monkeypatch.setattr(adamw, "BLOCK", rows_in_block * V * np.dtype(dtype).itemsize)
    W = initial_table(V, dtype, rng)
    expected = W.copy()
    fast = FastAdamW(W, lr=0.1, betas=betas, weight_decay=0.1)
    slow = AdamW(expected, lr=0.1, betas=betas, weight_decay=0.1)
    for t, (rows, dW) in enumerate(gradients(rng, dtype, V, visited)):
        whole = np.zeros_like(W)
        whole[rows] = dW
        slow.step(expected, whole)
        if t % 2:
            fast.step(W, whole)
        else:
            fast.step_rows(W, rows, dW)
        for name, got, wanted in [
            ("W", W, expected),
            ("exp_avg", fast.exp_avg, slow.exp_avg),
            ("exp_avg_sq", fast.exp_avg_sq, slow.exp_avg_sq),
        ]:
            assert got.tobytes() == wanted.tobytes(), (name, t)
    assert fast.steps == slow.steps == 5


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.3, 0.999)])
def test_a_fast_step_of_adamw_makes_no_array(betas: tuple[float, float]) -> None:
    W, dW = np.ones((2, 65, 65))
    optimizer = FastAdamW(W, betas=betas)
    optimizer.step(W, dW)
    tracemalloc.start()
    optimizer.step(W, dW)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < W.nbytes / 4


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("cls", "V"), [(FastTrainer, 65), (FastTrainer, 2), (LargeVocabularyTrainer, 300)]
)
def test_the_fast_trainer_makes_the_same_table_in_every_bit(
    cls: type[NumpyTrainer], V: int, dtype: str, rng: np.random.Generator
) -> None:
    config = Config(dtype=dtype, lr=1e-2, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1)
    table = initial_table(V, dtype, rng)
    fast, plain = cls(table, config), NumpyTrainer(table, config)
    np.testing.assert_array_equal(fast.state(), plain.state())
    # Few tokens, whose rows alone are computed, and so many that all are.
    for size in (8, 1, 2000, 60, 60):
        idx, targets = rng.integers(V, size=(2, size, 4))
        losses = fast.step(idx, targets), plain.step(idx, targets)
        assert abs(losses[0] - losses[1]) <= loss_bound(losses[1], dtype)
        np.testing.assert_array_equal(fast.state(), plain.state())
    assert abs(fast.state().weight - table).max() > config.lr
    counts = count_pairs(idx, targets, V)
    assert fast.evaluate(counts) == plain.evaluate(counts)
    uniforms = rng.random((3, 20)).astype(dtype)
    np.testing.assert_array_equal(
        fast.generate(idx[:3], uniforms), plain.generate(idx[:3], uniforms)
    )


@pytest.mark.parametrize(
    ("cls", "V"), [(NumpyTrainer, 5), (FastTrainer, 5), (LargeVocabularyTrainer, 300)]
)
def test_a_restored_trainer_goes_on_as_if_it_had_not_stopped(
    cls: type[NumpyTrainer], V: int, rng: np.random.Generator
) -> None:
    whole = cls(initial_table(V, "float64", rng), Config(dtype="float64"))
    batches = rng.integers(V, size=(4, 2, 3, 4))
    for batch in batches[:3]:
        whole.step(*batch)
    weight, _, exp_avg, exp_avg_sq = whole.state()
    resumed = cls(weight, Config(dtype="float64"))
    resumed.restore(exp_avg, exp_avg_sq, 3)
    for trainer in (whole, resumed):
        trainer.step(*batches[3])
    np.testing.assert_array_equal(resumed.state(), whole.state())


def test_a_table_is_counted_where_a_batch_holds_more_than_a_64th_of_its_pairs() -> None:
    trainer = LargeVocabularyTrainer(np.zeros((256, 256)), Config(dtype="float64"))
    for tokens in (1024, 1025):
        trainer.step(*np.zeros((2, 1, tokens), np.int64))
        assert (trainer.rows is None) == (tokens > 1024)


def test_the_size_of_the_table_decides_which_trainer_runs() -> None:
    config = replace(Config(), dtype="float64")
    for V, expected in [(255, FastTrainer), (256, LargeVocabularyTrainer)]:
        assert type(trainer_for(np.zeros((V, V)), config)) is expected


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("V", "B", "T"), [(1, 1, 1), (2, 3, 2), (65, 2, 1), (300, 1, 5)])
def test_generation_writes_what_the_plain_twin_writes(
    V: int, B: int, T: int, dtype: str, rng: np.random.Generator
) -> None:
    for reach in (0.0, 1.0, 200.0):
        case = random_case(rng, dtype, V, B, T, reach)
        model = BigramLanguageModel(V, dtype=dtype)
        model.token_embedding_table[...] = case.W
        uniforms = rng.random((B, 400)).astype(dtype)
        uniforms[0, :3] = 0, np.nextafter(np.dtype(dtype).type(1), np.dtype(dtype).type(0)), 1
        expected = model.generate(case.idx, 400, uniforms)
        written = generation.generate(case.W, case.idx, uniforms)
        assert written.dtype == np.int64
        np.testing.assert_array_equal(written, expected)
        # fewer than rows: then only the rows that are met are made
        few = uniforms[:, : V // B // 2]
        np.testing.assert_array_equal(
            generation.generate(case.W, case.idx, few), expected[:, : T + few.shape[1]]
        )


@pytest.mark.parametrize(("draws", "rows"), [(2, 1), (3, 3)])
def test_fewer_draws_than_rows_make_only_the_rows_that_are_met(
    draws: int, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, plain = [], generation.cumulative_probabilities

    def counted(logits: np.ndarray) -> list[list[float]]:
        made.append(len(logits))
        return plain(logits)

    monkeypatch.setattr(generation, "cumulative_probabilities", counted)
    generation.generate(np.zeros((3, 3)), np.array([[0]]), np.zeros((1, draws)))
    assert made == [rows]


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_draw_on_the_very_edge_is_decided_as_by_the_plain_twin(
    dtype: str, rng: np.random.Generator
) -> None:
    model = BigramLanguageModel(65, rng, dtype)
    W = model.token_embedding_table
    e = np.exp(W - W.max(axis=1, keepdims=True))
    cdf = np.cumsum(e / e.sum(axis=1, keepdims=True), axis=1)
    cdf /= cdf[:, -1:]
    # Every edge of every row, and the last number before it: one bit of difference decides
    # otherwise.
    uniforms = np.concatenate([cdf, np.nextafter(cdf, np.dtype(dtype).type(0))], axis=1).reshape(
        -1, 1
    )
    idx = np.repeat(np.arange(65), 2 * 65)[:, None]
    np.testing.assert_array_equal(
        generation.generate(W, idx, uniforms), model.generate(idx, 1, uniforms)
    )


def test_generation_breaks_ties_and_survives_the_impossible_as_the_plain_twin_does() -> None:
    with np.errstate(divide="ignore"):
        W = np.log([[0.25, 0.25, 0.5], [0.5, 0.5, 0], [0, 0.5, 0.5]])
    model = BigramLanguageModel(3, dtype="float64")
    for logits in (W, np.full((3, 3), np.nan), np.array([[0, np.nan, 0], [0, 0, 0], [0, 0, 0.0]])):
        model.token_embedding_table[...] = logits
        for start in range(3):
            idx = np.array([[start]])
            uniforms = np.array([[0, 0.25, 0.5, 0.75, 1, 0.25, 0, 0.5, 0.5, 0.25]])
            np.testing.assert_array_equal(
                generation.generate(logits, idx, uniforms), model.generate(idx, 10, uniforms)
            )


def test_a_row_that_nothing_comes_to_may_hold_anything() -> None:
    W = np.array([[0.0, -np.inf], [np.inf, np.inf]])  # and what it holds is not warned of
    assert generation.generate(W, np.array([[0]]), np.full((1, 5), 0.5)).tolist() == [[0] * 6]


def test_generation_refuses_what_the_plain_twin_refuses() -> None:
    W, draws = np.zeros((3, 3)), np.zeros((1, 2))
    for idx in (np.zeros((1, 0), np.int64), np.zeros(1, np.int64)):
        with pytest.raises(UserError, match="T at least 1"):
            generation.generate(W, idx, draws)
    with pytest.raises(UserError, match=r"^idx holds the id 3; ids run from 0 to 2"):
        generation.generate(W, np.array([[3]]), draws)
    with pytest.raises(ValueError, match="shorter"):  # more rows than there are draws for
        generation.generate(W, np.array([[1], [2]]), draws)
    assert generation.generate(W, np.array([[2]]), np.zeros((1, 0))).tolist() == [[2]]
    assert generation.generate(W, np.zeros((0, 1), np.int64), np.zeros((0, 4))).shape == (0, 5)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "uint64"])
def test_generated_text_is_int64_whatever_it_continues(dtype: str) -> None:
    assert (
        generation.generate(np.zeros((3, 3)), np.array([[2]], dtype), np.zeros((1, 2))).dtype
        == np.int64
    )
