"""Proves that ``docs/derivation.md`` and ``docs/bound.md`` are true: their examples print the shown
results, their numbers are computed again, their links name functions that exist, and their claims
hold for random tables."""

import ast
import doctest
import math
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from bigram.bounds import gradient_bound, gradient_drift, loss_bound
from common.pairs import conditional_entropy, count_pairs
from common.text.surrogate import COUNTS
from impl_numpy import pair_counts, stepwise
from impl_numpy.adamw import AdamW
from tests.kit import ROOT
from tests.kit.cases import Case, random_cases

DERIVATION, BOUND = ROOT / "docs" / "derivation.md", ROOT / "docs" / "bound.md"
EXERCISES = sorted((ROOT / "docs" / "exercises").glob("*.md"))
PROSE = re.sub(
    r"^```.*?^```$", "", DERIVATION.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
)
# What no reader can see at a glance: fractions, decimals, powers of ten, and all from 100 on.
NUMBER = re.compile(r"\\frac\{\d+\}\{\d+\}|\d[\d,]*\.\d+|\d+e-?\d+|\d{1,3}(?:,\d{3})+|\d{3,}")

IDX, TARGETS = np.array([1, 2, 1, 2]), np.array([2, 1, 2, 0])  # cocoa
W = np.log([[1, 1, 2], [1, 2, 1], [2, 1, 1]])
C = count_pairs(IDX, TARGETS, 3)
CASES = list(random_cases("float64", seed=5, count=12))


def counts_of(case: Case) -> np.ndarray:
    return count_pairs(case.idx, case.targets, len(case.W))


@pytest.mark.parametrize(
    ("page", "examples"), [(DERIVATION, 50), (BOUND, 10)], ids=lambda value: str(value)[-13:]
)
def test_every_example_prints_the_shown_result(page: Path, examples: int) -> None:
    text = page.read_text(encoding="utf-8")
    code = re.sub(r"^```.*$", "", text, flags=re.MULTILINE)  # a fence would be taken for output
    test = doctest.DocTestParser().get_doctest(code, {}, page.stem, str(page), 0)
    result = doctest.DocTestRunner().run(test)
    assert result.failed == 0
    assert result.attempted >= examples
    fences = re.findall(r"^```(\w+)$", text, re.MULTILINE)
    assert set(fences) == {"pycon", "math"}  # no example that is not run
    assert len(re.findall(r"^```", text, re.MULTILINE)) == 2 * len(fences)


def fractions() -> set[str]:
    """Those of the worked example: probabilities, loss and gradient."""
    values = stepwise.forward(W, IDX, TARGETS)
    dW = stepwise.backward(W, IDX, TARGETS, values)["W"]
    numbers = [*np.exp(values["logp"]).flat, *abs(dW[1]), float(values["loss"]) / math.log(2)]
    # they are eighths
    assert all(abs(8 * number - round(8 * number)) < 1e-12 for number in numbers)
    reduced = {Fraction(round(8 * number), 8) for number in numbers}
    return {rf"\frac{{{number.numerator}}}{{{number.denominator}}}" for number in reduced}


def test_every_number_in_the_text_is_worked_out_again() -> None:
    with np.load(COUNTS) as shipped:
        train, val = shipped["train"].astype(np.int64), shipped["val"].astype(np.int64)
    smoothed = np.log(train + 1.0)
    best, missed = conditional_entropy(train), (train == 0) & (val > 0)
    with np.errstate(over="ignore"):
        assert np.exp(709.0) < np.inf == np.exp(710.0)
    assert (missed.sum(), len(train)) == (23, 65)
    assert "Of the\n4,225 pairs of tiny Shakespeare's 65 characters" in PROSE
    assert "23 of these do in the\nvalidation split, 187 times in all" in PROSE
    worked_out = fractions() | {
        "710",
        "8,000",  # tokens, for instance
        f"{best:.10f}",
        f"{train.size:,}",
        f"{(train == 0).sum():,}",
        f"{val[missed].sum()}",
        f"{resting_place():.1f}",
        f"{pair_counts.loss_of_counts(smoothed, train) - best:.4f}",
        f"{pair_counts.loss_of_counts(smoothed, val):.5f}",
        "1e-3",  # lr, weight decay, and their product
        "1e-2",
        f"{1e-3 * 1e-2:.0e}".replace("e-0", "e-"),
    }  # fmt: skip
    assert set(NUMBER.findall(PROSE)) == worked_out


# --- links ----------------------------------------------------------------------------------------


def definitions(path: Path) -> set[str]:
    """Functions, classes, and ``Class.method``, of a Python file."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            names |= {
                f"{node.name}.{item.name}"
                for item in node.body
                if isinstance(item, ast.FunctionDef)
            }
    return names


def false_links(text: str, folder: Path) -> list[str]:
    """Links to Python files whose text is not the name of something in that file, nor the file's
    own."""
    wrong = []
    for label, target in re.findall(r"\[([^\]]+)\]\(([^)]+\.py)\)", text):
        path, name = folder / target, label.strip("`")
        if not path.is_file():
            wrong.append(f"{target} is no file")
        elif name not in definitions(path) and not path.as_posix().endswith("/" + name):
            wrong.append(f"{target} has no {name}")
    return wrong


@pytest.mark.parametrize("page", [DERIVATION, BOUND, *EXERCISES], ids=lambda path: path.name)
def test_every_link_names_a_definition(page: Path) -> None:
    assert false_links(page.read_text(encoding="utf-8"), page.parent) == []


def test_a_link_can_be_false() -> None:
    text = (
        "[`AdamW.step`](a/adamw.py) [`AdamW.leap`](a/adamw.py) [`lookup`](a/adamw.py) "
        "[`x`](a/none.py)"
    )
    found = false_links(text.replace("a/", "../impl_numpy/"), ROOT / "docs")
    assert [line.split()[-1] for line in found] == ["AdamW.leap", "lookup", "file"]


def test_every_step_by_hand_is_linked() -> None:
    for name in ("stepwise", "cross_entropy", "pair_counts", "adamw"):
        linked = set(re.findall(rf"\[`([\w.]+)`\]\(\.\./impl_numpy/{name}\.py\)", PROSE))
        public = {
            n
            for n in definitions(ROOT / "impl_numpy" / f"{name}.py")
            if n[0] != "_" and "._" not in n
        }
        # What only puts the others together is not a step.
        assert public - linked <= {"loss_and_gradient", "cross_entropy", "loss_of_counts"}, name


# --- what is claimed of every table ---------------------------------------------------------------


def hessian(case: Case, i: int) -> np.ndarray:
    counts = counts_of(case)
    p = np.exp(case.W[i] - case.W[i].max())
    p /= p.sum()
    return counts[i].sum() / counts.sum() * (np.diag(p) - np.outer(p, p))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_loss_is_convex_and_flat_along_constants_alone(case: Case) -> None:
    visited = np.unique(case.idx)
    i, absent = visited[0], np.setdiff1d(np.arange(len(case.W)), visited)
    H = hessian(case, i)
    eigenvalues, vectors = np.linalg.eigh(H)
    scale = eigenvalues[-1]
    assert eigenvalues[0] >= -1e-14 * scale
    assert abs(H.sum(axis=1)).max() <= 1e-14 * scale  # constants
    # elsewhere the next eigenvalue may be as small as the least probability
    if abs(case.W).max() <= 1:
        assert eigenvalues[1] > 1e-3 * scale
        assert np.ptp(vectors[:, 0]) <= 1e-9
    v = np.random.default_rng(0).normal(size=len(H))
    p = np.exp(stepwise.forward(case.W, case.idx, case.targets)["logp"])[case.idx.ravel() == i][0]
    n_over_N = (case.idx == i).mean()
    variance = (p * v * v).sum() - (p * v).sum() ** 2
    assert v @ H @ v == pytest.approx(n_over_N * variance, rel=1e-9, abs=1e-12)
    for absent_row in absent[:1]:
        assert not hessian(case, absent_row).any()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_hessian_is_the_derivative_of_the_gradient(case: Case) -> None:
    i, h = case.idx.flat[0], 1e-5
    H, counts = hessian(case, i), counts_of(case)
    for k in range(min(4, len(case.W))):
        step = np.zeros_like(case.W)
        step[i, k] = h
        there, back = (
            pair_counts.loss_and_gradient_of_counts(case.W + s, counts)[1] for s in (step, -step)
        )
        np.testing.assert_allclose((there - back)[i] / (2 * h), H[:, k], atol=1e-9)
        others = np.delete((there - back) / (2 * h), i, axis=0)
        assert not others.any()  # one block for each row, and zeros between


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_loss_is_the_entropy_and_a_mean_of_divergences(case: Case) -> None:
    counts = counts_of(case)
    loss, dW = pair_counts.loss_and_gradient_of_counts(case.W, counts)
    assert abs(dW.sum(axis=1)).max() <= 1e-15  # every row sums to zero
    n = counts.sum(axis=1, keepdims=True)
    z = case.W - case.W.max(axis=1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    seen = counts > 0
    q = (counts / np.maximum(n, 1))[seen]
    divergence = (
        np.broadcast_to(n, counts.shape)[seen] / counts.sum() * q * (np.log(q) - logp[seen])
    ).sum()
    assert divergence >= 0
    assert loss == pytest.approx(conditional_entropy(counts) + divergence, rel=1e-12)


def test_five_directions_of_nine_are_flat() -> None:
    flat = sum(
        int((np.linalg.eigvalsh(hessian(Case(W, IDX, TARGETS), i)) < 1e-12).sum())
        for i in range(len(W))
    )
    assert flat == 5
    assert "5 of\n9 directions" in PROSE


def test_adamw_walks_along_flat_directions_and_decay_fades_what_is_not_visited() -> None:
    table, start, optimizer = W.copy(), W.copy(), AdamW(W, lr=1e-2, weight_decay=0.1)
    for _ in range(50):
        optimizer.step(table, pair_counts.loss_and_gradient_of_counts(table, C)[1])
    np.testing.assert_allclose(table[0], (1 - 1e-3) ** 50 * start[0], rtol=1e-12)
    # row c: two fall, one rises
    assert abs(table[1].sum() - (1 - 1e-3) ** 50 * start[1].sum()) > 0.1


def resting_place() -> float:
    """How far below the other two logits of its row, at zero, o→o has its decay and its gradient
    balanced."""
    low, high = 1.0, 100.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        g = 2 / 4 * math.exp(-middle) / (2 + math.exp(-middle))
        low, high = (middle, high) if 1e-2 * middle < g / (g + 1e-8) else (low, middle)
    return low


@pytest.mark.parametrize("offset", [-0.5, 0.0, 0.5])
def test_adamw_comes_to_rest_where_decay_balances_the_gradient(offset: float) -> None:
    table = np.array([[0.0, 0, 0], [0, 0, 0], [0, 0, offset - resting_place()]])
    optimizer = AdamW(table, lr=1e-2)
    for _ in range(3000):
        optimizer.step(table, pair_counts.loss_and_gradient_of_counts(table, C)[1])
        table[2, :2] = 0
    away = table[2, 2] + resting_place()
    assert abs(away) < 1e-6 if offset == 0 else 0 < away / offset < 0.1


def test_a_table_that_moves_by_d_moves_loss_and_gradient_by_no_more_than_is_said(
    rng: np.random.Generator,
) -> None:
    for case in CASES:
        counts, d = counts_of(case), 0.01
        loss, dW = pair_counts.loss_and_gradient_of_counts(case.W, counts)
        drift = gradient_drift(case.W, counts, d) + 2 * gradient_bound(case.W, counts)
        for _ in range(5):
            there = case.W + rng.choice([-d, d], case.W.shape)
            loss_there, dW_there = pair_counts.loss_and_gradient_of_counts(there, counts)
            assert (abs(dW_there - dW) <= drift).all()
            assert abs(loss_there - loss) <= loss_bound(loss, "float64", d)


def test_what_comes_together_in_a_row_is_never_more_than_s() -> None:
    for case in CASES:
        counts = counts_of(case)
        values = stepwise.forward(case.W, case.idx, case.targets)
        dlogits = stepwise.backward(case.W, case.idx, case.targets, values)["logits"]
        together = np.zeros_like(case.W)
        np.add.at(together, case.idx.ravel(), abs(dlogits))
        p = np.zeros_like(case.W)
        p[case.idx.ravel()] = np.exp(values["logp"])
        S = (counts.sum(axis=1, keepdims=True) * p + counts) / counts.sum()
        assert (together <= S * (1 + 1e-9)).all()


def test_a_row_added_one_by_one_may_go_beyond_32() -> None:
    e = np.exp(-3 * abs(np.random.default_rng(0).normal(size=(300, 4096)))).astype(np.float32)
    exact, u = e.astype(np.float64).sum(axis=1), 2.0**-24
    one_by_one = np.add.accumulate(e, axis=1)[:, -1]
    assert (abs(one_by_one - exact) / exact).max() > 32 * u
    assert (abs(e.sum(axis=1) - exact) / exact).max() < 8 * u
