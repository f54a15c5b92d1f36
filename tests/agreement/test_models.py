"""Proves that the two models are one: the same logits, loss and text from the same table, and the
same refusals; and that each does alone what the notebook's model did."""

import numpy as np
import pytest

from bigram.bounds import loss_bound
from common.errors import UserError
from impl_numpy.model import BigramLanguageModel as NumpyModel
from impl_numpy.model import sample as numpy_sample
from tests.kit.cases import random_case, random_cases

torch = pytest.importorskip("torch")

from impl_torch.model import BigramLanguageModel as TorchModel  # noqa: E402
from impl_torch.model import sample as torch_sample  # noqa: E402

DTYPES = ["float32", "float64"]


def both(W: np.ndarray) -> tuple[NumpyModel, TorchModel]:
    ours, theirs = (
        NumpyModel(len(W), dtype=W.dtype),
        TorchModel(len(W)).to(getattr(torch, W.dtype.name)),
    )
    ours.token_embedding_table[...] = W
    with torch.no_grad():
        theirs.token_embedding_table.weight.copy_(torch.from_numpy(W))
    return ours, theirs


@pytest.mark.parametrize("dtype", DTYPES)
def test_forward_gives_the_same_logits_and_loss(dtype: str) -> None:
    for case in random_cases(dtype, seed=1, count=40):
        ours, theirs = both(case.W)
        logits, loss = ours.forward(case.idx, case.targets)
        expected, expected_loss = theirs(torch.from_numpy(case.idx), torch.from_numpy(case.targets))
        assert logits.dtype == dtype
        assert logits.shape == (*case.idx.shape, len(case.W))
        np.testing.assert_array_equal(logits, expected.detach().numpy())
        assert type(loss) is float
        assert abs(loss - expected_loss.item()) <= loss_bound(loss, dtype), case
        assert abs(loss - ours.loss_and_gradient(case.idx, case.targets)[0]) <= loss_bound(
            loss, dtype
        ), case


def test_without_targets_there_is_no_loss(rng: np.random.Generator) -> None:
    case = random_case(rng, "float32", V=5, B=2, T=3, reach=1)
    ours, theirs = both(case.W)
    assert ours(case.idx)[1] is None
    assert theirs(torch.from_numpy(case.idx))[1] is None
    with pytest.raises(UserError, match="idx holds the id -1"):
        ours(np.array([[0, -1]]))


def test_where_t_equals_v_the_loss_is_still_over_characters(rng: np.random.Generator) -> None:
    # (B, T, V) logits given to cross_entropy as they are would take T for the classes, and with T =
    # V nothing would tell.
    case = random_case(rng, "float64", V=6, B=4, T=6, reach=3)
    ours, theirs = both(case.W)
    logits, loss = theirs(torch.from_numpy(case.idx), torch.from_numpy(case.targets))
    misread = torch.nn.functional.cross_entropy(logits, torch.from_numpy(case.targets))
    assert abs(loss.item() - ours(case.idx, case.targets)[1]) <= loss_bound(loss.item(), "float64")
    assert abs(loss.item() - misread.item()) > 0.01


@pytest.mark.parametrize("bad", [-101, -100, -1, 5, 6])
@pytest.mark.parametrize("which", [1, 2])
def test_an_id_out_of_range_is_refused_by_both(
    bad: int, which: int, rng: np.random.Generator
) -> None:
    case = random_case(rng, "float32", V=5, B=2, T=3, reach=1)
    ours, theirs = both(case.W)
    case[which][1, 1] = bad
    with pytest.raises(UserError, match=f"the id {bad}; ids run from 0 to 4"):
        ours(case.idx, case.targets)
    with pytest.raises(IndexError):
        theirs(torch.from_numpy(case.idx), torch.from_numpy(case.targets))


@pytest.mark.parametrize("dtype", DTYPES)
def test_both_write_the_same_text_from_the_same_draws(dtype: str, rng: np.random.Generator) -> None:
    case = random_case(rng, dtype, V=20, B=3, T=4, reach=2)
    ours, theirs = both(case.W)
    uniforms = rng.random((3, 200)).astype(dtype)
    written = ours.generate(case.idx, 200, uniforms)
    expected = theirs.generate(torch.from_numpy(case.idx), 200, torch.from_numpy(uniforms))
    assert written.shape == (3, 204)
    np.testing.assert_array_equal(written[:, :4], case.idx)
    np.testing.assert_array_equal(written, expected.numpy())


def test_without_draws_each_samples_from_the_rows_of_softmax() -> None:
    # Two characters: after 0 comes 1 with probability 0.8, after 1 comes 0 with probability 0.7.
    W = np.log(np.array([[0.2, 0.8], [0.7, 0.3]]))
    ours, theirs = both(W)
    start = np.zeros((100, 1), dtype=np.int64)
    for written in (
        ours.generate(start, 200),
        theirs.generate(torch.from_numpy(start), 200).numpy(),
    ):
        assert written.shape == (100, 201)
        for i, chance in [(0, 0.8), (1, 0.3)]:
            follows = written[:, 1:][written[:, :-1] == i]
            # Five standard deviations of about 10,000 draws: fails once in two million runs.
            assert abs(follows.mean() - chance) < 5 * np.sqrt(chance * (1 - chance) / len(follows))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("probs", "uniform", "expected"),
    [
        ([0.25, 0.25, 0.5], 0.0, 0),
        ([0.25, 0.25, 0.5], 0.25, 1),  # the edge belongs to the next one
        ([0.25, 0.25, 0.5], 0.75, 2),
        ([0.0, 0.5, 0.5], 0.0, 1),  # what has no probability is never drawn, at the start,
        ([0.5, 0.5, 0.0], "last", 1),  # nor at the end,
        ([0.5, 0.5, 0.0], 1.0, 1),  # not even for a draw that was rounded up to 1
        ([1.0, 1.0, 2.0], 0.5, 2),  # the draw is scaled by the sum of the row
    ],
)
def test_inverse_cdf_at_its_edges(
    probs: list, uniform: float | str, expected: int, dtype: str
) -> None:
    if uniform == "last":
        uniform = float(np.nextafter(np.dtype(dtype).type(1), np.dtype(dtype).type(0)))
    arrays = np.array([probs], dtype=dtype), np.array([[uniform]], dtype=dtype)
    assert numpy_sample(*arrays).tolist() == [[expected]]
    assert torch_sample(*map(torch.from_numpy, arrays)).tolist() == [[expected]]


@pytest.mark.parametrize("dtype", DTYPES)
def test_saturated_logits_are_sampled_from_probabilities_too(
    dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = []

    def sample(probs: np.ndarray, uniform: np.ndarray) -> np.ndarray:
        given.append(probs)
        return numpy_sample(probs, uniform)

    monkeypatch.setattr("impl_numpy.model.sample", sample)
    model, _ = both(np.array([[1e4, 0, 1e4], [-1e4, -1e4, -2e4], [0, 0, 1e4]], dtype))
    written = model.generate(np.array([[0], [1], [2]]), 1, np.full((3, 1), 0.75, dtype))
    assert given[0].tolist() == [[0.5, 0, 0.5], [0.5, 0.5, 0], [0, 0, 1]]
    assert written.tolist() == [[0, 2], [1, 1], [2, 2]]


def test_however_long_the_text_one_character_of_it_is_looked_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_up = []

    def forward(model: NumpyModel, idx: np.ndarray) -> tuple[np.ndarray, float | None]:
        looked_up.append(idx.shape)
        return model.forward(idx)

    monkeypatch.setattr(NumpyModel, "__call__", forward)
    NumpyModel(3).generate(np.zeros((2, 4), dtype=np.int64), 3)
    assert looked_up == [(2, 1)] * 3


@pytest.mark.parametrize("dtype", ["uint8", "int32", "uint64"])
@pytest.mark.parametrize("more", [0, 2])
def test_text_is_int64_whatever_it_continues(dtype: str, more: int) -> None:
    written = NumpyModel(3).generate(np.zeros((2, 1), dtype), more)
    assert written.dtype == np.int64
    assert written.shape == (2, 1 + more)


def test_generation_needs_a_character_to_start_from() -> None:
    for idx in (np.zeros((1, 0), dtype=np.int64), np.zeros(3, dtype=np.int64)):
        with pytest.raises(UserError, match="T at least 1"):
            NumpyModel(3).generate(idx, 1)


def test_a_new_model_starts_from_the_normal_distribution() -> None:
    ours = NumpyModel(200, np.random.default_rng(0))
    assert ours.token_embedding_table.dtype == np.float32
    for table in (
        ours.token_embedding_table,
        TorchModel(200).token_embedding_table.weight.detach().numpy(),
    ):
        assert table.shape == (200, 200)
        assert abs(table.mean()) < 5 / 200
        assert abs(table.std() - 1) < 5 / 200
    np.testing.assert_array_equal(
        ours.token_embedding_table, NumpyModel(200, np.random.default_rng(0)).token_embedding_table
    )


def test_the_package_hands_out_three_classes_and_nothing_else() -> None:
    namespace: dict = {}
    exec("from impl_numpy import *", namespace)
    assert set(namespace) - {"__builtins__"} == {"AdamW", "BigramLanguageModel", "NumpyTrainer"}


def test_the_torch_model_is_one_embedding() -> None:
    names = {name: tuple(parameter.shape) for name, parameter in TorchModel(7).named_parameters()}
    assert names == {"token_embedding_table.weight": (7, 7)}
