"""Proves that every witness stays within its own bound of 50-digit arithmetic, that the sharp ones
catch an error of a few bounds in a single entry, what the blunt ones miss, and that the comparator
and the table of intermediates fail where they should."""

import functools
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from bigram.bounds import gradient_bound, unit_roundoff
from bigram.comparator import Row, compare_tensor, differences, fractions
from bigram.doctor.intermediates import intermediates
from bigram.doctor.witnesses import WITNESSES, Witness, decimal_truth, taylor_order
from common import pairs
from common.pairs import conditional_entropy, count_pairs
from common.text.corpus import Corpus
from impl_numpy import cross_entropy, pair_counts, stepwise
from tests.kit import ROOT, one_in
from tests.kit.cases import Case, random_case, random_cases

DTYPES = ["float32", "float64"]
BY_NAME = {witness.name: witness for witness in WITNESSES}
BY_HAND = ["stepwise", "fused", "pair counts"]
IN_OWN_DTYPE = ["torch autograd", *BY_HAND]  # the others compute in float64 or longer for every W
SPECIAL = ["fractions", "optimum"]  # these speak on cases of their own only

every_witness = pytest.mark.parametrize("witness", WITNESSES, ids=lambda witness: witness.name)
both_dtypes = pytest.mark.parametrize("dtype", DTYPES)


def counts_of(case: Case) -> np.ndarray:
    return count_pairs(case.idx, case.targets, len(case.W))


def reason_of(witness: Witness, case: Case) -> str | None:
    return witness.why_not(case.W, counts_of(case))


def ask(witness: Witness, case: Case) -> tuple[float, np.ndarray]:
    """The witness's own answer; skips where what it needs is not on this machine."""
    reason = reason_of(witness, case)
    if reason and ("torch" in reason or "long double" in reason):
        pytest.skip(reason)
    assert reason is None, case
    return witness.gradient(*case)


def constant_case(dtype: str, V: int = 8, B: int = 4, T: int = 16) -> Case:
    """In each row all logits are the same; V and N are powers of two."""
    case = random_case(np.random.default_rng(1), dtype, V, B, T, reach=5)
    return case._replace(W=np.repeat(case.W[:, :1], V, axis=1))


def optimal_case(dtype: str, least: int) -> Case:
    """W = log C and a constant for each row, which softmax ignores. ``least`` 1: every pair
    occurs."""
    rng = np.random.default_rng(2)
    counts = rng.integers(least, 12, size=(9, 9))
    counts[3] = 0  # never visited, so its logits do not matter
    ids, targets = (
        np.repeat(ids, counts.ravel())[None] for ids in np.indices((9, 9)).reshape(2, -1)
    )
    with np.errstate(divide="ignore"):
        W = np.log(counts) + rng.normal(size=(9, 1))
    W[3] = rng.normal(size=9)
    return Case(W.astype(dtype), ids, targets)


def case_for(witness: Witness, dtype: str) -> Case:
    special = {"fractions": constant_case(dtype), "optimum": optimal_case(dtype, least=1)}
    rng = np.random.default_rng(3)
    return special.get(witness.name) or random_case(rng, dtype, V=11, B=3, T=5, reach=2)


@functools.cache
def cases_and_truths(dtype: str) -> list[tuple[Case, float, np.ndarray]]:
    rng = np.random.default_rng(6)
    # Also where probabilities fall below the smallest numbers of float32, of float64 and of a long
    # double.
    saturated = [random_case(rng, dtype, 7, 3, 5, reach) for reach in (60, 350, 1e4, 1e30)]
    cases = [*random_cases(dtype, seed=5, count=16), *saturated]
    return [(case, *decimal_truth(*case, dtype=np.longdouble)) for case in cases]


def against(witness: Witness, dW: np.ndarray, case: Case) -> Row:
    """A gradient, as if computed by pair counts in W's dtype, held against a witness."""
    counts = counts_of(case)
    _, witnessed = ask(witness, case)
    bound = gradient_bound(case.W, counts) + witness.bound(case.W, counts)
    return compare_tensor("dW", dW, witnessed, bound)


# The truth itself


@both_dtypes
def test_the_truth_is_right_to_the_last_bit_where_the_digits_are_in_tables(dtype: str) -> None:
    W = np.array([[1, 0], [0, 0]], dtype)
    loss, dW = decimal_truth(W, np.array([[0]]), np.array([[0]]), np.longdouble)
    sigmoid = np.longdouble("0.26894142136999512074884075817816")  # of -1
    assert dW[0].tolist() == [-sigmoid, sigmoid]
    assert not dW[1].any()
    assert loss == 0.31326168751822283405  # log(1 + 1 / e)


def test_the_truth_takes_a_float32_for_exactly_the_number_it_is() -> None:
    case = random_case(np.random.default_rng(4), "float32", V=7, B=3, T=5, reach=2)
    loss, dW = decimal_truth(*case)
    as_float64 = decimal_truth(case.W.astype(np.float64), case.idx, case.targets)
    assert (loss, dW.tolist()) == (as_float64[0], as_float64[1].tolist())
    shortest = np.array([[float(str(logit)) for logit in row] for row in case.W])
    assert decimal_truth(shortest, case.idx, case.targets)[0] != loss


@both_dtypes
def test_the_truth_does_not_lose_what_is_far_below_one(dtype: str) -> None:
    W = np.array([[40, 0], [0, 0]], dtype)
    loss, dW = decimal_truth(W, np.array([[0]]), np.array([[0]]))
    assert loss == pytest.approx(np.exp(-40), rel=1e-15)
    assert dW[0] == pytest.approx([-np.exp(-40), np.exp(-40)], rel=1e-15)


# Every witness against it


@pytest.mark.parametrize("dtype", one_in(2, DTYPES))
@every_witness
def test_every_witness_is_within_its_bound_of_the_truth(witness: Witness, dtype: str) -> None:
    if witness.name in SPECIAL:
        sets = {
            "fractions": [constant_case(dtype)],
            "optimum": [optimal_case(dtype, k) for k in (0, 1)],
        }
        cases = [(case, *decimal_truth(*case, dtype=np.longdouble)) for case in sets[witness.name]]
    else:
        cases = cases_and_truths(dtype)
    for case, true_loss, truth in cases:
        loss, dW = ask(witness, case)
        assert type(loss) is float
        assert dW.dtype in (np.float64, np.longdouble)
        row = compare_tensor("dW", dW, truth, witness.bound(case.W, counts_of(case)))
        assert row.fraction_of_bound <= 1, (case, row)
        # At the optimum the loss is level, but W itself is rounded to its dtype.
        u = unit_roundoff(dtype if witness.name in [*IN_OWN_DTYPE, "optimum"] else "float64")
        assert abs(loss - true_loss) <= 8 * u * (true_loss if true_loss >= 0.1 else 1), case


@both_dtypes
@every_witness
def test_a_logit_of_minus_infinity_is_a_probability_of_0(witness: Witness, dtype: str) -> None:
    if witness.name in SPECIAL:
        return  # the optimum has them above
    case = random_case(np.random.default_rng(4), dtype, V=11, B=3, T=5, reach=2)
    counts = counts_of(case)
    case.W[(counts == 0) & (np.arange(11) % 3 == 0)] = -np.inf
    dW = ask(witness, case)[1]
    assert (dW[np.isinf(case.W)] == 0).all()
    row = compare_tensor(
        "dW", dW, decimal_truth(*case, np.longdouble)[1], witness.bound(case.W, counts)
    )
    assert row.fraction_of_bound <= 1


@both_dtypes
def test_the_complex_step_is_within_32_roundings_of_the_cancellation_scale(dtype: str) -> None:
    for case, _, truth in cases_and_truths(dtype):
        if abs(case.W).max() > 5:
            continue  # beyond that the rounding of z, u |z|, outgrows 32 u: the bound above has it
        e = np.exp(case.W.astype(np.float64))
        C, n = counts_of(case), counts_of(case).sum(axis=1, keepdims=True)
        S = (n * e / e.sum(axis=1, keepdims=True) + C) / n.sum()
        _, dW = BY_NAME["complex step"].gradient(*case)
        assert compare_tensor("dW", dW, truth, 32 * 2**-53 * S).fraction_of_bound <= 1, case


@both_dtypes
def test_a_long_double_comes_much_closer_than_any_float64_may(dtype: str) -> None:
    for case, _, truth in cases_and_truths(dtype):
        _, dW = ask(BY_NAME["long double"], case)
        bound = gradient_bound(case.W.astype(np.float64), counts_of(case), per_token=True)
        assert compare_tensor("dW", dW, truth, bound / 2000).fraction_of_bound <= 1, case


@both_dtypes
@pytest.mark.parametrize(("V", "B", "T"), [(2, 1, 1), (8, 4, 16), (64, 32, 8), (128, 2, 64)])
def test_gradients_by_hand_equal_the_fractions_in_every_bit(
    dtype: str, V: int, B: int, T: int
) -> None:
    case = constant_case(dtype, V, B, T)
    _, dW = ask(BY_NAME["fractions"], case)
    for name in BY_HAND:
        assert compare_tensor(name, BY_NAME[name].gradient(*case)[1], dW, 0).exact


@both_dtypes
@pytest.mark.parametrize("least", [0, 1], ids=["pairs never seen", "every pair seen"])
def test_at_the_optimum_nothing_is_left(dtype: str, least: int) -> None:
    case = optimal_case(dtype, least)
    entropy = conditional_entropy(counts_of(case))
    tolerance = {"float64": 1e-14, "float32": 1e-6}[dtype]
    for name in ["optimum", *IN_OWN_DTYPE]:
        loss, dW = ask(BY_NAME[name], case)
        assert abs(loss - entropy) <= tolerance, name
        assert abs(dW).max() <= tolerance, name


@both_dtypes
def test_at_the_optimum_of_a_whole_text_nothing_is_left(dtype: str, surrogate: Corpus) -> None:
    ids, targets = surrogate.train[:-1], surrogate.train[1:]
    counts = count_pairs(ids, targets, surrogate.tokenizer.vocab_size)
    with np.errstate(divide="ignore"):
        W = np.log(counts).astype(dtype)
    W[counts.sum(axis=1) == 0] = 0
    loss, dW = pair_counts.loss_and_gradient_of_counts(W, counts)
    tolerance = {"float64": 1e-14, "float32": 1e-6}[dtype]
    entropy, nothing = ask(BY_NAME["optimum"], Case(W, ids, targets))
    assert abs(loss - entropy) <= tolerance
    assert abs(dW - nothing).max() <= tolerance


# What they catch


@both_dtypes
@every_witness
def test_a_sharp_witness_accepts_the_right_gradient_and_no_error_of_three_bounds(
    witness: Witness, dtype: str
) -> None:
    case = case_for(witness, dtype)
    dW = pair_counts.loss_and_gradient(*case)[1].astype(np.float64)
    assert against(witness, dW, case).fraction_of_bound <= 1
    if witness.name == "central differences":
        return
    counts = counts_of(case)
    bound = gradient_bound(case.W, counts) + witness.bound(case.W, counts)
    for where in [(case.idx[0, 0], 0), np.unravel_index(bound.argmax(), bound.shape)]:
        wrong = dW.copy()
        wrong[where] += 3 * bound[where]
        row = against(witness, wrong, case)
        assert 2 <= row.fraction_of_bound <= 4
        assert row.where == where


MISTAKES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "one-hot forgotten": lambda dW, C: dW + C / C.sum(),
    "sum instead of mean": lambda dW, C: dW * C.sum(),
    "sign": lambda dW, C: -dW,
    "transposed": lambda dW, C: dW.T,
    "unvisited rows not zero": lambda dW, C: dW + 1e-9 * (C.sum(axis=1, keepdims=True) == 0),
    "too large by a millionth": lambda dW, C: dW * (1 + 1e-6),
}


@pytest.mark.parametrize("mistake", MISTAKES)
@every_witness
def test_planted_mistakes_are_caught_by_all_but_those_that_say_they_cannot(
    witness: Witness, mistake: str
) -> None:
    case = case_for(witness, "float64")
    wrong = MISTAKES[mistake](pair_counts.loss_and_gradient(*case)[1], counts_of(case))
    # 0 stays 0. (A sum instead of the mean shows all the same: its roundings are N times those
    # allowed.)
    blind = witness.name == "optimum" and mistake in ("sign", "too large by a millionth")
    assert (against(witness, wrong, case).fraction_of_bound <= 1) == blind


def test_central_differences_miss_what_is_smaller_than_their_own_noise() -> None:
    case = random_case(np.random.default_rng(6), "float64", V=65, B=8, T=32, reach=2)
    truth = decimal_truth(*case)[1]
    central = BY_NAME["central differences"]
    assert 1e-12 < abs(central.gradient(*case)[1] - truth).max() < 1e-9
    wrong = truth.copy()
    wrong[case.idx[0, 0], 0] += 1e-11
    assert against(central, wrong, case).fraction_of_bound <= 1
    assert against(BY_NAME["50 digits"], wrong, case).fraction_of_bound > 100


@pytest.mark.parametrize("name", BY_HAND)
def test_the_taylor_remainder_is_of_second_order_for_a_right_gradient_only(name: str) -> None:
    rng = np.random.default_rng(7)
    for _ in range(5):
        case = random_case(rng, "float64", V=11, B=3, T=5, reach=2)
        direction = rng.normal(size=case.W.shape)

        def order(scale: float, case: Case = case, direction: np.ndarray = direction) -> float:
            def gradient(*arguments: np.ndarray) -> tuple[float, np.ndarray]:
                loss, dW = BY_NAME[name].gradient(*arguments)
                return loss, scale * dW

            return taylor_order(gradient, *case, direction)

        assert order(1) == pytest.approx(2, abs=0.02)
        assert order(1.03) == pytest.approx(1, abs=0.35)
        assert order(1 + 1e-8) == pytest.approx(2, abs=0.02)  # too small for it to see


def test_the_taylor_remainder_of_a_loss_that_is_always_the_same_vanishes() -> None:
    one = np.zeros((1, 1), dtype=np.int64)
    assert (
        taylor_order(pair_counts.loss_and_gradient, np.ones((1, 1)), one, one, np.ones((1, 1)))
        == np.inf
    )


# Independent, and silent where they have nothing to say


def test_only_the_three_by_hand_call_impl_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = {witness.name: case_for(witness, "float64") for witness in WITNESSES}
    speaking = [witness for witness in WITNESSES if not reason_of(witness, cases[witness.name])]

    def refuse(*_: object) -> None:
        raise RuntimeError("not independent")

    for form in (stepwise, cross_entropy, pair_counts):
        monkeypatch.setattr(form, "loss_and_gradient", refuse)
    monkeypatch.setattr(pairs, "count_pairs", refuse)
    dependent = set()
    for witness in speaking:
        try:
            witness.gradient(*cases[witness.name])
        except RuntimeError:
            dependent.add(witness.name)
    assert dependent == set(BY_HAND)


def test_only_autograd_needs_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # as if it were not installed
    for witness in WITNESSES:
        case = case_for(witness, "float64")
        if witness.name == "torch autograd":
            assert reason_of(witness, case) == "torch is not installed"
        else:
            ask(witness, case)


def test_importing_the_witnesses_does_not_import_torch() -> None:
    code = "import sys, bigram.doctor.witnesses; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("fractions", lambda W: W + np.eye(8), "the logits are not constant in each row"),
        (
            "fractions",
            lambda W: np.full((8, 8), -np.inf),
            "the logits are not constant in each row",
        ),
        ("fractions", lambda W: np.zeros((9, 9)), "V = 9 is not a power of two"),
        ("optimum", lambda W: W, "W is not log C, and -inf for unseen pairs"),
        ("optimum", lambda W: W + np.nan, "the largest logit of row 0 is not finite"),
    ],
)
def test_a_witness_says_why_it_cannot_speak(
    name: str, change: Callable[[np.ndarray], np.ndarray], reason: str
) -> None:
    case = constant_case("float64")
    case = case._replace(
        W=change(case.W), idx=np.arange(8).repeat(8)[None], targets=np.arange(64)[None] % 5
    )
    assert reason_of(BY_NAME[name], case) == reason


def test_fractions_need_a_power_of_two_tokens() -> None:
    case = constant_case("float64")
    case = case._replace(idx=case.idx[:3], targets=case.targets[:3])
    assert reason_of(BY_NAME["fractions"], case) == "N = 48 is not a power of two"


@both_dtypes
def test_the_optimum_is_known_from_tables_that_are_only_near_it(dtype: str) -> None:
    case = optimal_case(dtype, least=0)
    seen = np.argwhere(counts_of(case) > 0)[5]
    unseen = np.argwhere((counts_of(case) == 0) & np.isinf(case.W))[0]
    for (i, j), logit in ((seen, case.W[tuple(seen)] + 1e-5), (unseen, -100.0)):
        W = case.W.copy()
        W[i, j] = logit
        assert BY_NAME["optimum"].why_not(W, counts_of(case)) is not None


@every_witness
@pytest.mark.parametrize("logits", [[np.nan, 0], [np.inf, 0], [-np.inf, -np.inf]], ids=str)
def test_no_witness_speaks_where_there_is_no_softmax(witness: Witness, logits: list[float]) -> None:
    W = np.array([[0.0, 0.0], logits])
    assert witness.why_not(W, np.array([[1, 1], [1, 1]])) is not None
    # In a row that no token looks up, it does not matter.
    if witness.why_not(np.zeros((2, 2)), np.array([[1, 1], [0, 0]])) is None:
        assert witness.why_not(W, np.array([[1, 1], [0, 0]])) is None
        idx, targets = np.array([[0, 0]]), np.array([[0, 1]])
        _, dW = witness.gradient(W, idx, targets)
        np.testing.assert_allclose(dW, np.zeros((2, 2)), atol=1e-10)


@both_dtypes
@every_witness
def test_layout_and_integer_type_of_the_arguments_do_not_matter(
    witness: Witness, dtype: str
) -> None:
    case = case_for(witness, dtype)
    loss, dW = ask(witness, case)
    strided = np.full((2 * len(case.W), 2 * len(case.W)), np.nan, dtype)[::2, ::2]
    strided[...] = case.W
    for W, to_ids in (
        (np.asfortranarray(case.W), lambda ids: ids.astype(np.uint8)),
        (strided, lambda ids: np.asfortranarray(ids.astype(np.int32))),
        (case.W[::-1].copy()[::-1], lambda ids: ids[:, ::-1].copy()[:, ::-1]),
    ):
        arguments = [W, to_ids(case.idx), to_ids(case.targets)]
        for argument in arguments:
            argument.setflags(write=False)
        again, dW_again = witness.gradient(*arguments)
        assert again == pytest.approx(loss, rel=8 * unit_roundoff(dtype))
        row = compare_tensor("dW", dW_again, dW, 2 * witness.bound(case.W, counts_of(case)))
        assert row.fraction_of_bound <= 1


# The comparator


def test_the_comparator_reports_the_entry_nearest_to_its_bound() -> None:
    truth = np.zeros((3, 4))
    value, bound = truth.copy(), np.full((3, 4), 1e-3)
    value[0, 1], value[2, 3] = 5e-4, -2e-4
    bound[2, 3] = 1e-4
    row = compare_tensor("dW", value, truth, bound)
    assert row == Row("dW", False, 2.0, 5e-4, (2, 3))
    assert compare_tensor("dW", truth, truth, bound) == Row("dW", True, 0.0, 0.0, None)
    assert compare_tensor("loss", 1.5, 1.0, 1.0) == Row("loss", False, 0.5, 0.5, ())


@pytest.mark.parametrize("excess", [2, 3, 4])
@both_dtypes
def test_the_comparator_fails_on_a_few_bounds_in_one_entry(dtype: str, excess: int) -> None:
    for case, _, truth in cases_and_truths(dtype)[:5]:
        bound = gradient_bound(case.W, counts_of(case))
        where = tuple(
            map(int, np.unravel_index(np.where(bound > 0, bound, np.inf).argmin(), bound.shape))
        )
        value = truth.copy()
        value[where] += excess * bound[where]
        row = compare_tensor("dW", value, truth, bound)
        assert row.fraction_of_bound == pytest.approx(excess, rel=1e-3)
        assert row.where == where


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ([1.0, np.nan], (1,)),
        ([1.0, np.inf], (1,)),
        ([1.0, 2.0, 3.0], None),
        ([[1.0, 2.0]], None),
        (1.0, None),
        ([], None),
    ],
    ids=str,
)
def test_what_is_no_answer_is_infinitely_far(value: object, where: tuple[int, ...] | None) -> None:
    row = compare_tensor(
        "dW", np.array(value), np.array([1.0, 2.0]), np.inf if where is None else 1e300
    )
    assert row == Row("dW", False, np.inf, np.inf, where)


def test_the_edges_of_the_comparator() -> None:
    nan, inf = np.nan, np.inf
    assert differences([inf, -inf, nan, 1.0], [inf, inf, nan, nan]).tolist() == [0, inf, inf, inf]
    # The difference of two float32 is not rounded to one.
    assert differences(np.float32(1), np.float32(2**-30)) == 1 - 2.0**-30
    assert fractions(np.array([0.0, 1.0, 1.0, 0.0]), [0.0, 0.0, nan, nan]).tolist() == [
        0,
        inf,
        inf,
        0,
    ]
    assert compare_tensor("dW", np.zeros((0, 3)), np.zeros((0, 3)), 0).exact


# Inside stepwise


@both_dtypes
def test_every_intermediate_and_its_gradient_is_torchs_within_its_bound(dtype: str) -> None:
    pytest.importorskip("torch")
    cases = [case for case, *_ in cases_and_truths(dtype)]
    cases += [
        *random_cases(dtype, seed=8, count=20),
        constant_case(dtype),
        optimal_case(dtype, least=0),
    ]
    names = ["logits", "z", "e", "s", "log_s", "logp", "picked", "loss"]
    for case in cases:
        rows = intermediates(*case)
        assert [row.name for row in rows] == [*names, *(f"d{name}" for name in names[::-1]), "dW"]
        assert [row for row in rows if not row.fraction_of_bound <= 1] == [], case
        assert rows[0].exact


@both_dtypes
@pytest.mark.parametrize(
    ("operation", "name"),
    [
        ("lookup", "logits"), ("shift", "z"), ("exponential", "e"), ("row_sum", "s"),
        ("logarithm", "log_s"),
        ("normalise", "logp"), ("pick", "picked"), ("mean_loss", "loss"),
        ("mean_loss_backward", "dpicked"), ("pick_backward", "dlogp"),
        ("normalise_backward", "dlog_s"),
        ("logarithm_backward", "ds"), ("row_sum_backward", "de"), ("exponential_backward", "dz"),
        ("shift_backward", "dlogits"), ("lookup_backward", "dW"),
    ],
)  # fmt: skip
def test_a_wrong_operation_shows_in_its_own_row_first(
    operation: str, name: str, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    right = getattr(stepwise, operation)
    off = np.dtype(dtype).type(1 + 1000 * unit_roundoff(dtype))

    def wrong(*arguments: np.ndarray) -> object:
        result = right(*arguments)
        return (result[0], result[1] * off) if isinstance(result, tuple) else result * off

    monkeypatch.setattr(stepwise, operation, wrong)
    case = random_case(np.random.default_rng(9), dtype, V=11, B=3, T=5, reach=2)
    over = [row.name for row in intermediates(*case) if row.fraction_of_bound > 1]
    assert over[0] == name


def test_a_lost_repeat_shows_in_the_row_of_a_repeated_character(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("torch")

    def lose_repeats(dlogits: np.ndarray, W: np.ndarray, idx: np.ndarray) -> np.ndarray:
        dW = np.zeros_like(W)
        dW[idx] += dlogits
        return dW

    monkeypatch.setattr(stepwise, "lookup_backward", lose_repeats)
    case = random_case(np.random.default_rng(10), "float32", V=11, B=3, T=5, reach=2)
    *others, last = intermediates(*case)
    assert all(row.fraction_of_bound <= 1 for row in others)
    assert last.fraction_of_bound > 1000
    assert last.where is not None
    assert (case.idx == last.where[0]).sum() > 1
