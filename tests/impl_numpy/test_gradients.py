"""Proves that the three hand-written gradients and autograd's are one, within the bound derived in
``bigram/bounds.py``, and that this bound catches mistakes that tolerances picked by eye let
pass."""

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

from bigram.bounds import gradient_bound, loss_bound
from bigram.doctor.witnesses import decimal_truth
from common.errors import UserError
from common.pairs import count_pairs
from impl_numpy import cross_entropy, pair_counts, stepwise
from impl_numpy.fast import large_vocab
from tests.kit.autograd import autograd
from tests.kit.cases import Case, random_case, random_cases

FORMS = [stepwise, cross_entropy, pair_counts]
DTYPES = ["float32", "float64"]
Gradient = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[float, np.ndarray]]


def bound_of(form: object, case: Case) -> np.ndarray:
    counts = count_pairs(case.idx, case.targets, len(case.W))
    return gradient_bound(
        case.W, counts, exp_of_log=form in (autograd, stepwise), per_token=form is not pair_counts
    )


def whole_gradient(form: ModuleType, W: np.ndarray, *batch: np.ndarray) -> tuple[float, np.ndarray]:
    """Loss and dW (V, V), also of the form that returns rows."""
    if form is not large_vocab:
        return form.loss_and_gradient(W, *batch)
    loss, rows, of_rows = large_vocab.rows_of_gradient(W, *batch)
    dW = np.zeros_like(W)
    dW[rows] = of_rows
    return loss, dW


def fraction(difference: np.ndarray, bound: np.ndarray) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.where(difference == 0, 0, abs(difference) / bound).max())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_each_form_agrees_with_autograd(form: Gradient, dtype: str) -> None:
    for case in random_cases(dtype, seed=7, count=60):
        loss, dW = form.loss_and_gradient(*case)  # type: ignore[attr-defined]
        expected_loss, expected = autograd(*case)
        assert dW.dtype == case.W.dtype, case
        assert type(loss) is float, case
        assert abs(loss - expected_loss) <= loss_bound(expected_loss, dtype), case
        assert fraction(dW - expected, bound_of(form, case) + bound_of(autograd, case)) <= 1, case


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_three_forms_agree_with_one_another(dtype: str) -> None:
    for case in random_cases(dtype, seed=8, count=60):
        losses, gradients = zip(*(form.loss_and_gradient(*case) for form in FORMS), strict=True)
        bounds = [bound_of(form, case) for form in FORMS]
        for i, j in [(0, 1), (0, 2), (1, 2)]:
            assert abs(losses[i] - losses[j]) <= loss_bound(losses[i], dtype), case
            assert fraction(gradients[i] - gradients[j], bounds[i] + bounds[j]) <= 1, case


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("V", [1024, 2048, pytest.param(4096, marks=pytest.mark.slow)])
def test_sums_of_many_equal_terms_round_no_more_than_the_bound_says(V: int, dtype: str) -> None:
    # A row of W = log(C + 1) where one pair was seen 24 times: V - 1 terms of 1/25 round the same
    # way. Added one by one in four lanes they were 1.11, 2.70 and 3.11 times the bound off in
    # float64.
    rows = np.arange(4)
    idx, targets = (np.repeat(ids, 24)[None] for ids in (rows, rows * 7 + 3))
    counts = count_pairs(idx, targets, V)
    W = np.log(counts + 1.0).astype(dtype)
    true_loss, truth = decimal_truth(W, idx, targets)
    bound = gradient_bound(W[rows], counts[rows])
    for form in (pair_counts, cross_entropy, stepwise, large_vocab):
        loss, dW = whole_gradient(form, W, idx, targets)
        assert abs(loss - true_loss) <= loss_bound(true_loss, dtype) / 2, form
        assert fraction(dW[rows] - truth[rows], bound) <= 1, form


def test_the_loss_of_every_pair_is_not_added_one_by_one() -> None:
    # All 4,225 terms of the sum but 65 are the same: added in a few lanes they were 32 u off.
    W = np.full((65, 65), -20.242464194109402)
    W[:, 0] = 0
    idx, targets = (ids.reshape(1, -1) for ids in np.indices((65, 65)))
    true_loss, _ = decimal_truth(W, idx, targets)
    for form in (pair_counts, cross_entropy, stepwise, large_vocab):
        loss, _ = whole_gradient(form, W, idx, targets)
        assert abs(loss - true_loss) <= 8 * 2**-53 * true_loss, form


def test_a_table_in_fortran_order_is_summed_along_its_rows_too() -> None:
    # In W's own order sum() would add column to column, one by one.
    V = 1024
    idx, targets = np.zeros((1, 24), np.int64), np.full((1, 24), 3)
    W = np.log(count_pairs(idx, targets, V) + 1.0)
    for form in (pair_counts, large_vocab):
        _, dW = whole_gradient(form, W, idx, targets)
        np.testing.assert_array_equal(
            whole_gradient(form, np.asfortranarray(W), idx, targets)[1], dW
        )


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_against_the_limit_of_difference_quotients(
    form: Gradient, rng: np.random.Generator
) -> None:
    # A witness that knows nothing of softmax: 4th-order central differences of the loss alone.
    # Their error is about u / h + h**4: 1e-11 at best, so this sees gross mistakes and no more.
    case = random_case(rng, "float64", V=7, B=3, T=5, reach=2)
    _, dW = form.loss_and_gradient(*case)  # type: ignore[attr-defined]
    h = 1e-3
    for i, j in np.ndindex(7, 7):
        step = np.zeros((7, 7))
        step[i, j] = h
        at = [
            pair_counts.loss_and_gradient(case.W + k * step, case.idx, case.targets)[0]
            for k in (-2, -1, 1, 2)
        ]
        assert (at[0] - 8 * at[1] + 8 * at[2] - at[3]) / (12 * h) == pytest.approx(
            dW[i, j], abs=1e-11
        )


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_rows_of_characters_not_in_the_batch_are_exactly_zero(form: Gradient) -> None:
    for dtype in DTYPES:
        for case in random_cases(dtype, seed=9, count=20):
            _, dW = form.loss_and_gradient(*case)  # type: ignore[attr-defined]
            absent = np.setdiff1d(np.arange(len(case.W)), case.idx)
            assert not dW[absent].any()


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_nothing_is_changed_and_nothing_accumulates(
    form: Gradient, rng: np.random.Generator
) -> None:
    case = random_case(rng, "float32", V=11, B=3, T=5, reach=2)
    for array in case:
        array.setflags(write=False)
    loss, dW = form.loss_and_gradient(*case)  # type: ignore[attr-defined]
    again, dW_again = form.loss_and_gradient(*case)  # type: ignore[attr-defined]
    assert loss == again
    np.testing.assert_array_equal(dW, dW_again)
    assert not np.shares_memory(dW, dW_again)


def test_the_fused_backward_leaves_p_as_it_was(rng: np.random.Generator) -> None:
    case = random_case(rng, "float64", V=11, B=3, T=5, reach=2)
    targets = case.targets.ravel()
    _, p = cross_entropy.cross_entropy(case.W[case.idx.ravel()], targets)
    p.setflags(write=False)
    cross_entropy.cross_entropy_backward(p, targets)


@pytest.mark.parametrize("dtype", DTYPES)
def test_pair_counts_compute_in_the_dtype_of_the_table(
    dtype: str, rng: np.random.Generator
) -> None:
    # float32 with int64 would be float64 on the way, and what is put back into float32 would not
    # show it.
    case = random_case(rng, dtype, V=11, B=3, T=5, reach=2)
    operands = pair_counts._in_dtype_of(case.W, count_pairs(case.idx, case.targets, 11))
    assert [operand.dtype for operand in operands] == [dtype] * 3


def test_no_counts_have_no_mean() -> None:
    for function in (pair_counts.loss_of_counts, pair_counts.loss_and_gradient_of_counts):
        with pytest.raises(UserError, match="at least one token"):
            function(np.zeros((3, 3)), np.zeros((3, 3), dtype=np.int64))


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
@pytest.mark.parametrize("which", [1, 2])
@pytest.mark.parametrize("bad", [-100, -1, 11])
def test_ids_out_of_range_are_refused(
    form: Gradient, which: int, bad: int, rng: np.random.Generator
) -> None:
    case = random_case(rng, "float32", V=11, B=3, T=5, reach=2)
    case[which][1, 2] = bad
    with pytest.raises(UserError, match=f"holds the id {bad}"):
        form.loss_and_gradient(*case)  # type: ignore[attr-defined]


def test_saturated_logits_neither_overflow_nor_vanish() -> None:
    for form in FORMS:
        W = np.array([[1e4, 0.0], [0.0, -1e4]], dtype="float32")
        loss, dW = form.loss_and_gradient(W, np.array([[0, 1]]), np.array([[1, 0]]))
        assert loss == 5000  # the mean of 1e4 and 0
        assert dW.tolist() == [[0.5, -0.5], [0.0, 0.0]]


def test_a_logit_of_minus_infinity_that_is_no_target_costs_nothing() -> None:
    W = np.array([[0.0, -np.inf, 0.0], [1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
    idx, targets = np.array([[0, 0]]), np.array([[0, 2]])
    for form in FORMS:
        loss, dW = form.loss_and_gradient(W, idx, targets)
        assert loss == pytest.approx(np.log(2), abs=1e-15)
        assert not dW.any()


def test_stepwise_names_every_intermediate_and_its_gradient(rng: np.random.Generator) -> None:
    case = random_case(rng, "float64", V=11, B=3, T=5, reach=2)
    values = stepwise.forward(*case)
    gradients = stepwise.backward(*case, values)
    assert list(values) == list(gradients)[-2::-1]  # the same names, walked back; W comes last
    for name, value in values.items():
        assert np.shape(gradients[name]) == np.shape(value), name


class Planted:
    """Mistakes that people make, each wrong on these cases; a bound that passes one is no bound."""

    @staticmethod
    def sum_instead_of_mean(W: np.ndarray, idx: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return pair_counts.loss_and_gradient(W, idx, targets)[1] * idx.size

    @staticmethod
    def mean_over_the_batch_only(W: np.ndarray, idx: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return pair_counts.loss_and_gradient(W, idx, targets)[1] * idx.shape[1]

    @staticmethod
    def repeated_ids_lost(W: np.ndarray, idx: np.ndarray, targets: np.ndarray) -> np.ndarray:
        _, p = cross_entropy.cross_entropy(W[idx.ravel()], targets.ravel())
        dW = np.zeros_like(W)
        dW[idx.ravel()] += cross_entropy.cross_entropy_backward(p, targets.ravel())
        return dW

    @staticmethod
    def one_hot_forgotten(W: np.ndarray, idx: np.ndarray, targets: np.ndarray) -> np.ndarray:
        counts = count_pairs(idx, targets, len(W))
        return pair_counts.loss_and_gradient(W, idx, targets)[1] + (counts / idx.size).astype(
            W.dtype
        )

    @staticmethod
    def transposed(W: np.ndarray, idx: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return pair_counts.loss_and_gradient(W, idx, targets)[1].T

    @staticmethod
    def last_position_only(W: np.ndarray, idx: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return pair_counts.loss_and_gradient(W, idx[:, -1:], targets[:, -1:])[1]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [name for name in vars(Planted) if not name.startswith("_")])
def test_planted_mistakes_are_caught(name: str, dtype: str) -> None:
    rng = np.random.default_rng(3)
    case = random_case(rng, dtype, V=11, B=3, T=5, reach=2)
    correct = pair_counts.loss_and_gradient(*case)[1]
    wrong = getattr(Planted, name)(*case)
    assert fraction(wrong - correct, 2 * bound_of(autograd, case)) > 1000


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_error_of_twice_the_bound_in_one_entry_is_caught(dtype: str) -> None:
    for case in random_cases(dtype, seed=11, count=10):
        bound = bound_of(autograd, case)
        _, expected = autograd(*case)
        difference = np.zeros(expected.shape)
        at = np.unravel_index(np.where(bound > 0, bound, np.inf).argmin(), bound.shape)
        difference[at] = 2 * bound[at]  # at the entry where the bound allows least
        assert fraction(difference, bound) == 2
