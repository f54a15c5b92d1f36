"""Proves that every mistake of the catalogue is a mistake, that the doctor names each from its
output alone, and that it never calls a correct implementation wrong, however it is written."""

import functools
import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from bigram.bounds import gradient_bound
from bigram.comparator import compare_tensor
from bigram.doctor import gradient, optimizer
from bigram.doctor.cases import Case, loss_room
from bigram.doctor.cases import gradient_cases as make_gradient_cases
from bigram.doctor.evidence import trained
from bigram.doctor.mistakes import gradients, optimizers
from bigram.doctor.mistakes.gradients import GRADIENTS, LOSSES, Mistake
from bigram.doctor.mistakes.optimizers import OPTIMIZERS
from bigram.doctor.verdict import Report
from bigram.doctor.witnesses import decimal_truth
from common.pairs import count_pairs
from impl_numpy import cross_entropy, pair_counts, stepwise
from impl_numpy.adamw import AdamW
from tests.kit import one_in
from tests.kit.cases import random_case

DTYPES = ["float64", "float32"]
SINGLE_IS_SLOW = ["float64", pytest.param("float32", marks=pytest.mark.slow)]

# Shared by all tests, so that the right answers are worked out once.
gradient_cases = functools.cache(make_gradient_cases)
optimizer_runs = functools.cache(optimizer.optimizer_runs)


def name(mistake: Mistake) -> str:
    return mistake.name


def names(diagnosis: Sequence[Mistake]) -> list[str]:
    return [mistake.entry for mistake in diagnosis]


def is_one(mistake: Mistake, dtype: str) -> bool:
    """In float32 it is no mistake to lose digits, nor is an eps that float32 cannot see."""
    return dtype == "float64" or not (mistake.precision or mistake.amounts)


def test_the_catalogue_is_large_and_every_entry_explained() -> None:
    assert len(GRADIENTS) >= 20
    assert len(OPTIMIZERS) >= 18
    everything = GRADIENTS + LOSSES + OPTIMIZERS
    for catalogue in (GRADIENTS, LOSSES, OPTIMIZERS):
        assert len({mistake.name for mistake in catalogue}) == len(catalogue)
    for mistake in everything:
        for sentence in (mistake.why, mistake.mend):
            assert sentence.endswith(".")
            assert len(sentence) < 110


def check_name(report: Report, mistake: Mistake, dtype: str) -> None:
    """The one entry is found, and its name says its number and its variant."""
    if not is_one(mistake, dtype) and report.verdict == "correct":
        return
    assert report.verdict == ("unstable" if mistake.unstable else "wrong")
    if is_one(mistake, dtype):
        assert names(report.diagnosis) == [mistake.entry]
        expected = mistake if mistake.ratio else mistake.named()
        assert report.diagnosis[0].name == expected.name
    else:
        assert set(names(report.diagnosis)) <= {mistake.entry}


@pytest.mark.parametrize("dtype", SINGLE_IS_SLOW)
@pytest.mark.parametrize(
    "mistake", one_in(6, GRADIENTS + LOSSES), ids=lambda m: f"{m.side} {m.name}"
)
def test_the_doctor_names_each_wrong_gradient(mistake: Mistake, dtype: str) -> None:
    cases = gradient_cases(dtype)
    report = gradient.judge_gradient("it", cases, list(gradient.gradient_maker(cases)([mistake])))
    check_name(report, mistake, dtype)


@pytest.mark.parametrize("dtype", SINGLE_IS_SLOW)
@pytest.mark.parametrize("mistake", one_in(6, OPTIMIZERS), ids=name)
def test_the_doctor_names_each_wrong_optimizer(mistake: Mistake, dtype: str) -> None:
    runs = optimizer_runs(dtype)
    report = optimizer.judge_optimizer("it", runs, list(optimizer.run_maker(runs)([mistake])))
    check_name(report, mistake, dtype)


def pairs_of(catalogue: list[Mistake]) -> list[tuple[Mistake, Mistake]]:
    return [(a, b) for a, b in itertools.combinations(catalogue, 2) if not a.occupied & b.occupied]


def check_pair(pair: tuple[Mistake, Mistake], cases: list[Case]) -> bool:
    """True if the doctor finds just these two; otherwise its finding must be the same function."""
    outputs = list(gradient.gradient_maker(cases)(pair))
    report = gradient.judge_gradient("it", cases, outputs, ("dW",))
    if set(names(report.diagnosis)) == {m.entry for m in pair}:
        return True
    # One mistake can hide another: without the one-hot, for example, no target matters. Then the
    # two are the same function as what was found, and to name that is right.
    found = [m for m in report.diagnosis if m.code]
    made = gradient.gradient_maker(cases)(found) if found else []
    for case, ours, theirs in zip(cases, outputs, made, strict=False):
        if np.isfinite(ours["dW"]).all():
            scale = max(1.0, float(abs(ours["dW"]).max()))
            assert abs(ours["dW"] - theirs["dW"]).max() <= 100 * scale * case.bound["dW"].max(), (
                names(pair)
            )
    return False


@pytest.mark.parametrize(
    "every", [pytest.param(997, id="one in 997"), pytest.param(11, marks=pytest.mark.slow)]
)
def test_the_doctor_names_two_wrongs_at_once(every: int) -> None:
    cases = gradient_cases("float64")
    simple = [m for m in GRADIENTS if not (m.amounts or m.unstable or m.coupled or m.precision)]
    named = [check_pair(pair, cases) for pair in pairs_of(simple)[::every]]
    assert sum(named) >= 0.75 * len(named)


def test_sum_and_lost_repeats_are_named_together() -> None:
    by_name = {mistake.name: mistake for mistake in GRADIENTS}
    both = [by_name["sum instead of mean"], by_name["repeated ids lost"]]
    cases = gradient_cases("float64")
    report = gradient.judge_gradient("it", cases, list(gradient.gradient_maker(cases)(both)))
    assert set(names(report.diagnosis)) == set(names(both))


@pytest.mark.slow
def test_two_wrongs_in_an_optimizer_are_named_together() -> None:
    by_name = {mistake.name: mistake for mistake in OPTIMIZERS}
    both = [by_name["no decay"], by_name["eps inside the root"]]
    runs = optimizer_runs("float64")
    report = optimizer.judge_optimizer("it", runs, list(optimizer.run_maker(runs)(both)))
    assert set(names(report.diagnosis)) == set(names(both))


class Independent:
    """The same mistakes in other hands: another order of operations, so other roundings."""

    @staticmethod
    def right(W: np.ndarray, rows: np.ndarray, ys: np.ndarray, N: int) -> np.ndarray:
        X, Y = np.eye(len(W))[rows], np.eye(len(W))[ys]
        z = X @ (W - W.max(axis=1, keepdims=True))
        return X.T @ ((np.exp(z - np.log(np.exp(z).sum(axis=1, keepdims=True))) - Y) * (1 / N))

    @staticmethod
    def transposed(W: np.ndarray, idx: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return Independent.right(W, idx.ravel(), targets.ravel(), idx.size).T

    @staticmethod
    def inputs_and_targets_swapped(
        W: np.ndarray, idx: np.ndarray, targets: np.ndarray
    ) -> np.ndarray:
        return Independent.right(W, targets.ravel(), idx.ravel(), idx.size)

    @staticmethod
    def targets_not_shifted(W: np.ndarray, idx: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return Independent.right(W, idx.ravel(), idx.ravel(), idx.size)

    @staticmethod
    def last_position_only(W: np.ndarray, idx: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return Independent.right(W, idx[:, -1], targets[:, -1], len(idx))

    @staticmethod
    def sum_instead_of_mean(W: np.ndarray, idx: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return Independent.right(W, idx.ravel(), targets.ravel(), 1)

    @staticmethod
    def sigmoid_instead_of_softmax(
        W: np.ndarray, idx: np.ndarray, targets: np.ndarray
    ) -> np.ndarray:
        X, Y = np.eye(len(W))[idx.ravel()], np.eye(len(W))[targets.ravel()]
        with np.errstate(over="ignore"):
            return X.T @ (1 / (1 + np.exp(-(X @ W))) - Y) / idx.size

    @staticmethod
    def maximum_not_subtracted(W: np.ndarray, idx: np.ndarray, targets: np.ndarray) -> np.ndarray:
        X, Y = np.eye(len(W))[idx.ravel()], np.eye(len(W))[targets.ravel()]
        with np.errstate(all="ignore"):
            e = np.exp(W)[idx.ravel()]
            return X.T @ (e / e.sum(axis=1, keepdims=True) - Y) / idx.size

    @staticmethod
    def float32_where_float64_was_asked(
        W: np.ndarray, idx: np.ndarray, targets: np.ndarray
    ) -> np.ndarray:
        return pair_counts.loss_and_gradient(W.astype(np.float32), idx, targets)[1].astype(
            np.float64
        )


@pytest.mark.parametrize(
    "name", [name for name in vars(Independent) if name not in ("right",) and name[0] != "_"]
)
def test_the_doctor_names_a_mistake_in_another_hand(name: str) -> None:
    cases = gradient_cases("float64")
    outputs = [{"dW": getattr(Independent, name)(case.W, case.idx, case.targets)} for case in cases]
    report = gradient.judge_gradient("it", cases, outputs, ("dW",))
    assert names(report.diagnosis) == [name.replace("_", " ")]


class TextbookL2(AdamW):
    def step(self, W: np.ndarray, dW: np.ndarray) -> None:
        beta1, beta2 = self.betas
        self.steps += 1
        g = dW + self.weight_decay * W
        self.exp_avg = beta1 * self.exp_avg + (1 - beta1) * g
        self.exp_avg_sq = beta2 * self.exp_avg_sq + (1 - beta2) * g**2
        rate = self.lr * np.sqrt(1 - beta2**self.steps) / (1 - beta1**self.steps)
        W -= (
            rate
            * self.exp_avg
            / (np.sqrt(self.exp_avg_sq) + self.eps * np.sqrt(1 - beta2**self.steps))
        )


def test_the_doctor_names_an_optimizers_mistake_in_another_hand() -> None:
    runs = optimizer_runs("float64")
    report = optimizer.judge_optimizer("it", runs, trained(TextbookL2, runs))
    assert names(report.diagnosis) == ["L2 in the gradient"]


class LazyPlainAdam(AdamW):
    """Adam without decay that moves only the rows of the batch."""

    def step(self, W: np.ndarray, dW: np.ndarray) -> None:
        beta1, beta2 = self.betas
        self.steps += 1
        self.exp_avg = beta1 * self.exp_avg + (1 - beta1) * dW
        self.exp_avg_sq = beta2 * self.exp_avg_sq + (1 - beta2) * dW**2
        m_hat = self.exp_avg / (1 - beta1**self.steps)
        v_hat = self.exp_avg_sq / (1 - beta2**self.steps)
        rows = dW.any(axis=1)
        W[rows] -= (self.lr * m_hat / (np.sqrt(v_hat) + self.eps))[rows]


def test_lazy_rows_without_decay_are_named_together() -> None:
    runs = optimizer_runs("float64")
    report = optimizer.judge_optimizer("it", runs, trained(LazyPlainAdam, runs))
    assert names(report.diagnosis) == ["no decay", "lazy rows"]


@pytest.mark.parametrize(
    ("entry", "amount", "variant"),
    one_in(
        3,
        [
            ("t starts again", 13.0, None),
            ("bias correction stops", 70.0, "of the second moment alone"),
            ("W moved in every n-th step only", 3.0, "by their sum"),
            ("slow weights mixed in", 6.0, "by 0.8"),
            ("clipped inside the step", 0.35, "by norm + 1e-6"),
            ("update clipped", 0.8, "by value"),
            ("setting hard-coded", 0.97, "beta2, and 0.9 for beta1"),
            ("another power for the root", 0.4, None),
            ("update off by a factor", 1.0000001, None),
        ],
    ),
)
def test_an_optimizers_number_is_found_and_not_matched(
    entry: str, amount: float, variant: str | None
) -> None:
    mistake = next(m for m in OPTIMIZERS if m.entry == entry)
    chosen = replace(mistake, chosen=(amount, *([variant] if variant else [])))
    runs = optimizer_runs("float64")
    report = optimizer.judge_optimizer("it", runs, list(optimizer.run_maker(runs)([chosen])))
    assert [m.name for m in report.diagnosis] == [chosen.named().name]
    assert chosen.named().name.split(", ")[1] == str(amount).removesuffix(".0")


class Scheduled(optimizers.Parts):
    """A learning rate that changes with t, in the step."""

    def rate(self) -> float:
        return 1.0

    def step(self, W: np.ndarray, dW: np.ndarray) -> None:
        lr, self.lr = self.lr, self.lr * self.rate()
        super().step(W, dW)
        self.lr = lr


@pytest.mark.parametrize(
    ("rate", "said"),
    one_in(
        3,
        [
            (lambda t: (1 + np.cos(np.pi * min(t / 300, 1))) / 2, "a cosine over 300 steps"),
            (lambda t: max(0, 1 - t / 800) ** 2, "(1 - t / 800)**2"),
            (lambda t: 0.98 ** (t + 1), "0.98**t, t from 1"),
            (lambda t: 1 / (1 + 0.03 * t), "1 / (1 + 0.03 * t)"),
            (lambda t: 0.5 ** (t // 4), "lr times 1, 1, 1, 1, 0.5 ..."),
        ],
    ),
)
def test_a_schedule_of_any_shape_is_found_in_the_step(
    rate: Callable[[int], float], said: str
) -> None:
    cls = type("Mine", (Scheduled,), {"rate": lambda self: rate(self.t)})
    runs = optimizer_runs("float64")
    report = optimizer.judge_optimizer("it", runs, trained(cls, runs))
    assert [m.name for m in report.diagnosis] == [f"schedule inside the step, {said}"]


@pytest.mark.slow
def test_a_schedule_is_found_beside_another_mistake() -> None:
    class Mine(Scheduled):
        def rate(self) -> float:
            return float(1 - self.t / 2000) ** 0.9

        def decay(self, W: np.ndarray, dW: np.ndarray) -> np.ndarray:
            return W - self.lr * self.weight_decay * np.sign(W)

    runs = optimizer_runs("float64")
    report = optimizer.judge_optimizer("it", runs, trained(Mine, runs))
    assert [m.name for m in report.diagnosis] == [
        "decay done wrong, by the sign of the weights",
        "schedule inside the step, (1 - t / 2000)**0.9",
    ]


@pytest.mark.slow
def test_a_rate_that_depends_on_the_gradients_is_no_schedule() -> None:
    class Mine(optimizers.Parts):
        def update(self, W, dW, m_hat, denominator):  # type: ignore[no-untyped-def]
            return self.lr * (1 + abs(dW).mean()) * m_hat / denominator

    runs = optimizer_runs("float64")
    report = optimizer.judge_optimizer("it", runs, trained(Mine, runs))
    assert report.verdict == "wrong"
    assert report.diagnosis == []


class SinglePrecision(optimizers.Parts):
    def first_moment(self, g: np.ndarray) -> np.ndarray:
        return super().first_moment(g.astype(np.float32)).astype(np.float32)

    def second_moment(self, g: np.ndarray) -> np.ndarray:
        return super().second_moment(g.astype(np.float32)).astype(np.float32)


class SingleAndAhead(SinglePrecision):
    def corrections(self, t: int) -> tuple[float, float]:
        return super().corrections(t + 1)


class Noisy(optimizers.Parts):
    def step(self, W: np.ndarray, dW: np.ndarray) -> None:
        super().step(W, dW)
        W += 1e-12 * np.random.default_rng(self.t).standard_normal(W.shape)


class SlightlyFaster(optimizers.Parts):
    def update(self, W, dW, m_hat, denominator):  # type: ignore[no-untyped-def]
        return self.lr * (1 + 1e-9 * np.sign(dW)) * m_hat / denominator


@pytest.mark.parametrize(
    ("cls", "expected"),
    one_in(
        4,
        [
            (SinglePrecision, ["float32 state"]),
            (SingleAndAhead, ["t one ahead", "float32 state"]),
            (Noisy, []),
            (SlightlyFaster, []),
        ],
    ),
)
def test_single_precision_in_an_optimizer_needs_errors_of_its_size(
    cls: type, expected: list[str]
) -> None:
    runs = optimizer_runs("float64")
    report = optimizer.judge_optimizer("it", runs, trained(cls, runs))
    assert report.verdict == "wrong"
    assert names(report.diagnosis) == expected


def test_an_unknown_mistake_is_described_and_not_named() -> None:
    cases = gradient_cases("float64")
    outputs = list(gradient.gradient_maker(cases)([]))
    for k, output in enumerate(outputs):
        output["dW"] *= 1.5 + k % 7
    report = gradient.judge_gradient("it", cases, outputs)
    assert report.verdict == "wrong"
    assert report.diagnosis == []
    assert any("times the right one" in line for line in report.pattern)
    assert any("same arguments gave different results" in line for line in report.pattern)
    # The smallest wrong case is shown in full, and can be taken along.
    assert any("in full" in line for line in report.pattern)
    assert any(line.startswith("  yours") and ">" in line for line in report.pattern)
    assert {"W", "idx", "targets", "yours_dW", "right_dW"} <= set(report.case)


@pytest.mark.slow
def test_one_wrong_entry_in_a_row_never_visited_is_described() -> None:
    cases = gradient_cases("float64")
    outputs = list(gradient.gradient_maker(cases)([]))
    outputs[0]["dW"][np.setdiff1d(np.arange(9), cases[0].idx)[0], 2] = 1e-30
    report = gradient.judge_gradient("it", cases, outputs)
    assert report.worst[0] == cases[0].name
    assert report.worst[1].fraction_of_bound == np.inf
    assert any(f"dW is wrong on 1 of {len(cases)} cases" in line for line in report.pattern)
    assert any(
        "1 of 81 entries are wrong, in rows never visited" in line for line in report.pattern
    )
    assert any("the errors are all too large" in line for line in report.pattern)


def test_small_entries_that_are_dropped_are_found_with_their_limit() -> None:
    cases = gradient_cases("float64")
    outputs = list(gradient.gradient_maker(cases)([]))
    for output in outputs:
        output["dW"][abs(output["dW"]) < 1e-3] = 0
    report = gradient.judge_gradient("it", cases, outputs)
    assert [m.name for m in report.diagnosis] == ["small entries set to 0, 0.001"]


def test_every_factor_is_found_and_said() -> None:
    cases = gradient_cases("float64")
    for number, ratio, expected in ((1.5, "", "1.5"), (65536.0, "", "65536"), (1.0, "N/V", "N/V")):
        outputs = list(gradient.gradient_maker(cases)([]))
        for case, output in zip(cases, outputs, strict=True):
            output["dW"] *= number * gradients.RATIOS[ratio](*case.idx.shape, len(case.W))
        report = gradient.judge_gradient("it", cases, outputs)
        assert [m.name for m in report.diagnosis] == [f"off by a factor, {expected}"]


@pytest.mark.parametrize(
    ("entry", "amount", "side"),
    [
        ("eps inside the log", 3e-12, "loss"),
        ("eps inside the log", 0.0025, "dW"),
        ("eps inside the sum", 4e-9, "dW"),
        ("probabilities clipped", 2e-30, "loss"),
        ("labels smoothed", 0.07, "dW"),
        ("weight decay in the gradient", 3e-7, "dW"),
        ("temperature left in", 0.8, "dW"),
        ("gradient clipped by value", 0.03, "dW"),
    ],
)
def test_a_number_is_found_and_not_matched(entry: str, amount: float, side: str) -> None:
    cases = gradient_cases("float64")
    mistake = next(m for m in (LOSSES if side == "loss" else GRADIENTS) if m.entry == entry)
    outputs = list(gradient.gradient_maker(cases)([mistake.with_amount(amount)]))
    report = gradient.judge_gradient("it", cases, outputs)
    assert names(report.diagnosis) == [entry]
    assert report.record()["diagnosis"][0]["amount"] == pytest.approx(amount, rel=1e-6)


def test_small_errors_are_not_called_single_precision() -> None:
    cases = gradient_cases("float64")
    rng = np.random.default_rng(8)
    for size in (1e-12, 1e-10):
        outputs = list(gradient.gradient_maker(cases)([]))
        for output in outputs:
            output["dW"] += size * rng.standard_normal(output["dW"].shape)
        report = gradient.judge_gradient("it", cases, outputs)
        assert names(report.diagnosis) == ["noise in every entry"]


def test_a_wrong_loss_and_its_own_derivative_are_one_finding() -> None:
    cases = gradient_cases("float64")
    for entry in (
        "labels smoothed",
        "targets not shifted",
        "softmax taken twice",
        "sum instead of mean",
    ):
        loss = next(m for m in LOSSES if m.entry == entry)
        dW = replace(next(m for m in GRADIENTS if m.entry == entry), derived=entry[0] != "t")
        report = gradient.judge_gradient(
            "it", cases, list(gradient.gradient_maker(cases)([loss, dW]))
        )
        assert names(report.diagnosis) == [entry]
        assert any("dW is the derivative of the loss" in line for line in report.notes)


@pytest.mark.parametrize(
    ("word", "divisor"),
    [
        ("the number of distinct inputs", lambda case: len(np.unique(case.idx))),
        ("N - 1", lambda case: max(case.idx.size - 1, 1)),
        ("N + 1e-7", lambda case: case.idx.size + 1e-7),
        ("B (T + 1)", lambda case: case.idx.size + len(case.idx)),
    ],
)
def test_another_denominator_is_one_finding(word: str, divisor: Callable) -> None:
    cases = gradient_cases("float64")
    outputs = list(gradient.gradient_maker(cases)([]))
    for case, output in zip(cases, outputs, strict=True):
        for side in ("loss", "dW"):
            output[side] = output[side] * (case.idx.size / divisor(case))
    report = gradient.judge_gradient("it", cases, outputs)
    expected = f"divided by another number than N, {word}"
    assert [m.name for m in report.diagnosis] == [expected]


@pytest.mark.slow
def test_rounded_logits_are_not_called_half_precision() -> None:
    cases = gradient_cases("float64")
    outputs = []
    for case in cases:
        rounded = np.round(case.W * 64) / 64
        loss, dW = pair_counts.loss_and_gradient(rounded, case.idx, case.targets)
        outputs.append({"loss": np.asarray(loss), "dW": dW})
    report = gradient.judge_gradient("it", cases, outputs)
    assert (report.verdict, report.diagnosis) == ("wrong", [])


def other_shift(how: Callable, case: Case) -> dict[str, np.ndarray]:
    """Softmax of the rows less something else than their maximum."""
    x, y, N = case.idx.ravel(), case.targets.ravel(), case.idx.size
    with np.errstate(all="ignore"):
        z = how(case.W[x])
        e = np.exp(z)
        s = e.sum(axis=1, keepdims=True)
        d = e / s
        d[np.arange(N), y] -= 1
        dW = np.zeros_like(case.W)
        np.add.at(dW, x, d / N)
        loss = (np.log(s[:, 0]) - z[np.arange(N), y]).mean()
    return {"loss": np.asarray(loss), "dW": dW}


@pytest.mark.parametrize(
    "how",
    [
        lambda z: z - z.min(axis=1, keepdims=True),
        lambda z: z - z.mean(axis=1, keepdims=True),
        lambda z: np.minimum(z, 60.0),
    ],
    ids=["minimum", "mean", "capped"],
)
def test_a_way_to_be_unstable_is_named_only_if_it_explains_both_outputs(how: Callable) -> None:
    cases = gradient_cases("float64")
    outputs = [other_shift(how, case) for case in cases]
    report = gradient.judge_gradient("it", cases, outputs)
    assert (report.verdict, report.diagnosis) == ("unstable", [])


def without_a_shift(W: np.ndarray, idx: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
    """logsumexp(x) - x[target], as torch.logsumexp makes it."""
    x, y, N = idx.ravel(), targets.ravel(), idx.size
    m = W[x].max(axis=1, keepdims=True)
    lse = m + np.log(np.exp(W[x] - m).sum(axis=1, keepdims=True))
    d = np.exp(W[x] - lse)
    d[np.arange(N), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, d / W.dtype.type(N))
    return {"loss": np.asarray((lse[:, 0] - W[x, y]).mean()), "dW": dW}


@pytest.mark.parametrize("dtype", DTYPES)
def test_logsumexp_less_the_logit_is_right(dtype: str) -> None:
    cases = gradient_cases(dtype)
    outputs = [without_a_shift(case.W, case.idx, case.targets) for case in cases]
    assert gradient.judge_gradient("it", cases, outputs).verdict == "correct"


# --- correct code, as a reader might write it -----------------------------------------------------


def with_loops(W: np.ndarray, idx: np.ndarray, targets: np.ndarray) -> tuple[float, np.ndarray]:
    dW, loss = np.zeros_like(W), 0.0
    for i, y in zip(idx.ravel(), targets.ravel(), strict=True):
        e = np.exp(W[i] - W[i].max())
        p = e / e.sum()
        loss -= float(W[i, y] - W[i].max() - np.log(e.sum()))
        for j in range(len(W)):
            dW[i, j] += (p[j] - (j == y)) / idx.size
    return loss / idx.size, dW


def with_one_hot_products(
    W: np.ndarray, idx: np.ndarray, targets: np.ndarray
) -> tuple[float, np.ndarray]:
    X, Y = (np.eye(len(W), dtype=W.dtype)[ids.ravel()] for ids in (idx, targets))
    z = X @ W  # no maximum taken off: good up to a logit of 709
    z -= z.max(axis=1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return float(-(Y * logp).sum() / idx.size), X.T @ (np.exp(logp) - Y) / W.dtype.type(idx.size)


def with_bincount(W: np.ndarray, idx: np.ndarray, targets: np.ndarray) -> tuple[float, np.ndarray]:
    loss, p = cross_entropy.cross_entropy(W[idx.ravel()], targets.ravel())
    d = cross_entropy.cross_entropy_backward(p, targets.ravel())
    columns = [np.bincount(idx.ravel(), weights=column, minlength=len(W)) for column in d.T]
    return float(loss), np.stack(columns, axis=1).astype(W.dtype)


def with_sorting(W: np.ndarray, idx: np.ndarray, targets: np.ndarray) -> tuple[float, np.ndarray]:
    order = np.argsort(idx.ravel(), kind="stable")
    rows, ys = idx.ravel()[order], targets.ravel()[order]
    loss, p = cross_entropy.cross_entropy(W[rows], ys)
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    dW = np.zeros_like(W)
    dW[rows[starts]] = np.add.reduceat(cross_entropy.cross_entropy_backward(p, ys), starts, axis=0)
    return float(loss), dW


def with_autograd(W: np.ndarray, idx: np.ndarray, targets: np.ndarray) -> tuple[float, np.ndarray]:
    from bigram.doctor.witnesses import autograd

    pytest.importorskip("torch")
    return autograd(W, idx, targets)


CORRECT = {
    "stepwise": stepwise.loss_and_gradient,
    "fused": cross_entropy.loss_and_gradient,
    "pair counts": pair_counts.loss_and_gradient,
    "the catalogue's own": gradients.build(),
    "loops": with_loops,
    "one-hot products": with_one_hot_products,
    "bincount": with_bincount,
    "sorting": with_sorting,
    "torch": with_autograd,
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("form", CORRECT)
def test_the_doctor_finds_nothing_in_correct_code(form: str, dtype: str) -> None:
    cases = gradient_cases(dtype)
    made = (CORRECT[form](case.W, case.idx, case.targets) for case in cases)
    outputs = [{"loss": np.asarray(loss), "dW": dW} for loss, dW in made]
    report = gradient.judge_gradient("it", cases, outputs)
    assert report.verdict == "correct", report.worst
    assert report.diagnosis == []
    assert report.pattern == []
    assert {row.name for row in report.witnesses} >= {"stepwise", "complex step", "50 digits"}
    assert max(row.fraction_of_bound for row in report.witnesses) <= 1


@pytest.mark.parametrize("count", [100, pytest.param(10_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_no_false_alarm_on_random_cases(dtype: str, count: int) -> None:
    rng = np.random.default_rng(5)
    for _ in range(count):
        V, B, T = int(rng.integers(2, 14)), int(rng.integers(1, 9)), int(rng.integers(1, 9))
        case = random_case(rng, dtype, V, B, T, reach=float(rng.choice([0.0, 0.1, 1, 5, 30, 300])))
        counts = count_pairs(case.idx, case.targets, V)
        bound = gradient_bound(case.W, counts, exp_of_log=True, per_token=True)
        truth_loss, truth = decimal_truth(*case)
        for form, function in CORRECT.items():
            loss, dW = function(*case)
            judged = Case("", *case)
            assert abs(loss - truth_loss) <= loss_room(judged, truth_loss), (form, str(case))
            assert compare_tensor("dW", dW, truth, bound).fraction_of_bound <= 1, (form, str(case))


class RunningProducts(AdamW):
    """Correct, and nothing like torch's order of operations: as the paper writes it."""

    def step(self, W: np.ndarray, dW: np.ndarray) -> None:
        beta1, beta2 = self.betas
        self.power1 = getattr(self, "power1", 1.0) * beta1
        self.power2 = getattr(self, "power2", 1.0) * beta2
        decay = self.lr * self.weight_decay * W
        self.exp_avg = beta1 * self.exp_avg + (1 - beta1) * dW
        self.exp_avg_sq = beta2 * self.exp_avg_sq + (1 - beta2) * dW**2
        m_hat, v_hat = self.exp_avg / (1 - self.power1), self.exp_avg_sq / (1 - self.power2)
        W -= decay + self.lr * (m_hat / (np.sqrt(v_hat) + self.eps))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("cls", [AdamW, RunningProducts, optimizers.build()])
def test_the_doctor_finds_nothing_in_a_correct_adamw(cls: Callable, dtype: str) -> None:
    runs = optimizer_runs(dtype)
    report = optimizer.judge_optimizer("it", runs, trained(cls, runs))
    assert report.verdict == "correct", report.worst
