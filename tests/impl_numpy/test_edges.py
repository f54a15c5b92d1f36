"""Proves that each edge case ends as the table in docs/edges.md says, in every form by hand and in
torch, and that the page holds the table of this file.

After a change here, ``python -m tests.impl_numpy.test_edges`` writes the table into the page.
"""

import warnings
from collections.abc import Callable
from decimal import Context, Decimal, localcontext
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from bigram import markdown
from bigram.bounds import gradient_bound, loss_bound
from common.errors import UserError
from common.pairs import count_pairs
from impl_numpy import cross_entropy, pair_counts, stepwise
from impl_numpy.model import BigramLanguageModel
from tests.kit import ROOT
from tests.kit.autograd import autograd
from tests.kit.cases import Case

PAGE = ROOT / "docs" / "edges.md"
DTYPES = ["float32", "float64"]
# in every case that does not say otherwise; row 3 is not visited, and row 0 is, with target 1
V = 5
IDX = np.array([[0, 1, 0, 2], [4, 0, 0, 2], [1, 1, 0, 2]])
TARGETS = np.array([[1, 0, 2, 4], [0, 3, 1, 1], [1, 4, 1, 0]])
LOGITS = np.random.default_rng(0).normal(scale=2, size=(V, V))


class Outcome(NamedTuple):
    """What a case leads to. The words are the table's; the rest is what is checked."""

    words: str
    error: type[Exception] | None = None
    message: str = ""  # stands somewhere in the error's one line
    loss: float | None = None  # exactly this; otherwise the true one, within its bound
    lost_rows: tuple[int, ...] = ()  # nan in the gradient
    warns: bool = False  # with NumPy's "invalid value"
    ignored: int | None = None  # a target that is treated as if its token were not there


CORRECT = Outcome("correct")
NO_LOSS = Outcome("correct, with a loss of 0.0", loss=0.0)
INFINITE = Outcome("loss `inf`, gradient correct", loss=np.inf)
NOT_A_NUMBER = Outcome("`nan`: the loss, and row *i* of the gradient", loss=np.nan, lost_rows=(0,))
WARNED = NOT_A_NUMBER._replace(words=NOT_A_NUMBER.words + "; `RuntimeWarning`", warns=True)


def refused(error: type[Exception], message: str = "") -> Outcome:
    return Outcome(f"`{error.__name__}`" + f": … {message}" * bool(message), error, message)


class Edge(NamedTuple):
    name: str
    variants: Callable[[str], list[Case]]  # from a dtype; each of them leads to the outcome
    numpy: Outcome
    torch: Outcome
    why: str


def plain(dtype: str) -> Case:
    return Case(LOGITS.astype(dtype), IDX.copy(), TARGETS.copy())


def ids(bad: int, *places: str) -> Callable[[str], list[Case]]:
    """The id ``bad`` among the good ones."""

    def variants(dtype: str) -> list[Case]:
        cases = []
        for place in places:
            case = plain(dtype)
            getattr(case, place)[1, 2] = bad
            cases.append(case)
        return cases

    return variants


def types(place: str, *names: str) -> Callable[[str], list[Case]]:
    """``idx`` or ``targets`` of another dtype."""

    def variants(dtype: str) -> list[Case]:
        case = plain(dtype)
        return [case._replace(**{place: getattr(case, place).astype(name)}) for name in names]

    return variants


def logit(row: int, column: int | slice, value: float) -> Callable[[str], list[Case]]:
    def variants(dtype: str) -> list[Case]:
        case = plain(dtype)
        case.W[row, column] = value
        return [case]

    return variants


def layout(change: Callable[[NDArray], NDArray]) -> Callable[[str], list[Case]]:
    """Each of ``W``, ``idx`` and ``targets`` in turn, the same numbers laid out otherwise."""

    def variants(dtype: str) -> list[Case]:
        case = plain(dtype)
        return [case._replace(**{name: change(getattr(case, name))}) for name in Case._fields]

    return variants


def read_only(array: NDArray) -> NDArray:
    array = array.copy()
    array.setflags(write=False)
    return array


def every_other(array: NDArray) -> NDArray:
    return np.repeat(array, 2, axis=1)[:, ::2]


def backwards(array: NDArray) -> NDArray:
    return array[::-1].copy()[::-1]


def margin(size: float, target: int) -> Callable[[str], list[Case]]:
    """V = 3, and a logit that stands out by ``size``; it is the target's where that is 0."""
    return lambda dtype: [
        Case(np.diag([size] * 3).astype(dtype), np.array([[0, 0]]), np.array([[target] * 2]))
    ]


def empty(dtype: str) -> list[Case]:
    case = plain(dtype)
    return [
        Case(case.W, np.zeros(shape, np.int64), np.zeros(shape, np.int64))
        for shape in [(0, 4), (3, 0), (0, 0)]
    ]


def of_size(vocab_size: int, B: int, T: int) -> Callable[[str], list[Case]]:
    def variants(dtype: str) -> list[Case]:
        rng = np.random.default_rng(1)
        W = rng.normal(size=(vocab_size, vocab_size)).astype(dtype)
        return [Case(W, *rng.integers(vocab_size, size=(2, B, T)))]

    return variants


NEVER_AN_ID = -(2**63)
OUT_OF_RANGE = {
    "-101": (-101, "NumPy alone would count it from the end, or die of it late"),
    "-100": (
        -100,
        "`ignore_index` as it comes: the token would be left out of the mean; it was moved away",
    ),
    "-1": (-1, "NumPy alone would take it for the last character"),
    "V": (V, "the first one too large"),
    "V + 1": (V + 1, "and the one after it"),
}
INTEGERS = "ids must be integers"
AS_ENCODED = (
    "a text's ids come in the smallest type that holds them; NumPy's side takes them as they are"
)
KERNELS = (
    "torch has kernels for a few types only; the batcher hands out int64, which suits everyone"
)
UNVISITED = (
    "0 · `nan` is `nan`: rows that the batch does not hold are left out, not multiplied by n = 0"
)
UNDEFINED = "∞ − ∞ has no value; nothing is repaired behind the reader's back"
ITS_OWN_ROW = "it spoils its own row and the loss, nothing else"

EDGES = [
    *(
        Edge(f"id {name}, in `idx` or `targets`", ids(bad, "idx", "targets"),
             refused(UserError, f"holds the id {bad}; ids run from 0 to {V - 1}"),
             refused(IndexError), why)
        for name, (bad, why) in OUT_OF_RANGE.items()
    ),
    Edge("target −2⁶³", ids(NEVER_AN_ID, "targets"),
         refused(UserError, f"holds the id {NEVER_AN_ID}"),
         Outcome("left out of the mean, silently", ignored=NEVER_AN_ID),
         "`ignore_index` cannot be switched off; the reference gives it the value least likely to "
         "occur"),
    Edge("float `idx`", types("idx", "float32", "float64"),
         refused(UserError, INTEGERS), refused(RuntimeError),
         "1.5 is no character, and rounding it is not for a model to do"),
    Edge("float `targets`", types("targets", "float32", "float64"),
         refused(UserError, INTEGERS), refused(RuntimeError),
         "`cross_entropy` reads floats as probabilities where the shapes allow it; flattened, "
         "they do not"),
    Edge("bool `idx` or `targets`",
         lambda dtype: types("idx", "bool")(dtype) + types("targets", "bool")(dtype),
         refused(UserError, INTEGERS), refused(RuntimeError),
         "to NumPy, `W[mask]` is a selection and no lookup"),
    Edge("`idx` of uint8, int8 or uint16", types("idx", "uint8", "int8", "uint16"),
         CORRECT, refused(RuntimeError), AS_ENCODED),
    Edge("`targets` of uint8", types("targets", "uint8"), CORRECT, CORRECT, AS_ENCODED),
    Edge("`idx` of int32", types("idx", "int32"), CORRECT, CORRECT, KERNELS),
    Edge("`targets` of int8, int32 or uint16", types("targets", "int8", "int32", "uint16"),
         CORRECT, refused(RuntimeError), KERNELS),
    Edge("an empty batch: B = 0 or T = 0", empty,
         refused(UserError, "a mean needs at least one token"),
         Outcome("loss `nan`, gradient 0", loss=np.nan),
         "0 / 0; a mean over nothing is a mistake in the caller, and an error finds it sooner"),
    Edge("+∞ at a target", logit(0, 1, np.inf), WARNED, NOT_A_NUMBER, UNDEFINED),
    Edge("+∞ beside the targets", logit(0, 4, np.inf), WARNED, NOT_A_NUMBER, UNDEFINED),
    Edge("−∞ at a target", logit(0, 1, -np.inf), INFINITE, INFINITE,
         "what was held impossible came; p is 0 exactly, and the gradient is finite"),
    Edge("−∞ beside the targets", logit(0, 4, -np.inf), CORRECT, CORRECT,
         "p is 0 exactly; only pairs that occur are summed, for 0 · −∞ would be `nan`"),
    Edge("`nan` at a target", logit(0, 1, np.nan), NOT_A_NUMBER, NOT_A_NUMBER, ITS_OWN_ROW),
    Edge("`nan` beside the targets", logit(0, 4, np.nan), NOT_A_NUMBER, NOT_A_NUMBER, ITS_OWN_ROW),
    Edge("a row of nothing but −∞", logit(0, slice(None), -np.inf), WARNED, NOT_A_NUMBER,
    UNDEFINED),
    Edge("+∞ in a row not visited", logit(3, 1, np.inf), CORRECT, CORRECT, UNVISITED),
    Edge("−∞ in a row not visited", logit(3, 1, -np.inf), CORRECT, CORRECT, UNVISITED),
    Edge("`nan` in a row not visited", logit(3, 1, np.nan), CORRECT, CORRECT, UNVISITED),
    Edge("a row of nothing but −∞, not visited", logit(3, slice(None), -np.inf), CORRECT, CORRECT,
    UNVISITED),
    Edge("a margin of 40 for the target, V = 3", margin(40, 0), NO_LOSS, NO_LOSS,
         "the true loss is 8.5e-18, lost in rounding p to 1: below 1 nat a loss is held to an "
         "absolute 8 u"),
    Edge("a margin of 40 against it", margin(40, 1), CORRECT, CORRECT, "the loss is 40"),
    Edge("a margin of 1,000 for the target", margin(1000, 0), NO_LOSS, NO_LOSS,
         "the true loss is 1e-434, smaller than any number in either dtype"),
    Edge("a margin of 1,000 against it", margin(1000, 1), CORRECT, CORRECT,
         "the loss is 1000: log p is never taken of p, which is 0"),
    Edge("T = V", of_size(V, 4, V), CORRECT, CORRECT,
         "`cross_entropy` on (B, T, V) logits would take T for the classes, and here nothing "
         "would tell"),
    Edge("every other column of a wider array", layout(every_other), CORRECT, CORRECT,
    "any strides will do"),
    Edge("a view with negative strides", layout(backwards), CORRECT,
    refused(ValueError, "negative"),
         "`torch.from_numpy` knows none; copy first"),
    Edge("a read-only array", layout(read_only),
         CORRECT, CORRECT._replace(words="correct, and one `UserWarning` a process"),
         "nothing is written to; `torch.from_numpy` shares the memory and cannot promise that"),
    Edge("Fortran order", layout(np.asfortranarray), CORRECT, CORRECT,
    "the same sums in another order"),
    Edge("V = 1", of_size(1, 3, 4), NO_LOSS, NO_LOSS,
    "only one character can follow: nothing to learn"),
    Edge("V = 2", of_size(2, 3, 4), CORRECT, CORRECT, "logistic regression, twice"),
]  # fmt: skip


def table() -> str:
    """The edges, as they stand in ``docs/edges.md``."""
    rows = [(edge.name, edge.numpy.words, edge.torch.words, edge.why) for edge in EDGES]
    return markdown.table(["case", "NumPy", "PyTorch reference", "why"], rows)


def truth(case: Case, lost_rows: tuple[int, ...]) -> tuple[float, NDArray]:
    """The loss and the gradient with 50 digits on the way; rows that are lost, or not visited, are
    0."""
    with localcontext(Context(prec=50, Emax=10**6, Emin=-(10**6))):
        W, N, loss = case.W, case.idx.size, Decimal(0)
        dW = np.zeros(W.shape)
        pairs = list(zip(case.idx.ravel().tolist(), case.targets.ravel().tolist(), strict=True))
        for i in {i for i, _ in pairs} - set(lost_rows):
            logits = [Decimal(x) for x in W[i].tolist()]
            s = sum((x.exp() for x in logits), Decimal(0))
            p = [x.exp() / s for x in logits]
            followers = [j for k, j in pairs if k == i]
            loss += sum(s.ln() - logits[j] for j in followers) / N
            dW[i] = [(len(followers) * p[j] - followers.count(j)) / N for j in range(len(W))]
        return float(loss), dW


def check(outcome: Outcome, case: Case, loss: float, dW: NDArray | None, **order: bool) -> None:
    """``order``: how the gradient was worked out, for ``gradient_bound``."""
    if outcome.ignored is not None:
        kept = case.targets != outcome.ignored
        case = Case(case.W, case.idx[kept], case.targets[kept])
    assert type(loss) is float
    if outcome.loss is not None:
        np.testing.assert_equal(loss + 0.0, outcome.loss)  # -0.0 + 0.0 is 0.0
    lost = outcome.lost_rows
    if case.idx.size == 0:
        assert dW is not None
        assert not dW.any()
        return
    true_loss, true_dW = truth(case, lost)
    if outcome.loss is None or outcome.loss == 0:
        # That bound is for the difference of two; of what is nothing but rounding, each has half.
        assert abs(loss - true_loss) <= loss_bound(true_loss, case.W.dtype) / 2
    if dW is None:
        return
    assert dW.dtype == case.W.dtype
    assert np.isnan(dW[list(lost)]).all()
    visited = np.isin(np.arange(len(case.W)), np.setdiff1d(case.idx, lost))
    assert not dW[np.setdiff1d(np.arange(len(case.W)), case.idx)].any()
    tame = np.where(visited[:, None], case.W, 0).astype(case.W.dtype)
    bound = gradient_bound(tame, count_pairs(case.idx, case.targets, len(case.W)), **order)
    assert (abs(dW - true_dW)[visited] <= bound[visited]).all()


def forward_alone(W: NDArray, idx: NDArray, targets: NDArray) -> tuple[float, None]:
    model = BigramLanguageModel(len(W), dtype=W.dtype)
    model.token_embedding_table = W
    _, loss = model.forward(idx, targets)
    assert loss is not None
    return loss, None


# For each: is p made as exp(log p), and is the gradient added up token by token?
FORMS: dict[str, tuple[Callable, dict[str, bool]]] = {
    "stepwise": (stepwise.loss_and_gradient, {"exp_of_log": True, "per_token": True}),
    "cross_entropy": (cross_entropy.loss_and_gradient, {"per_token": True}),
    "pair_counts": (pair_counts.loss_and_gradient, {}),
    "model.forward": (forward_alone, {}),
    "torch": (autograd, {"exp_of_log": True, "per_token": True}),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("edge", EDGES, ids=lambda edge: edge.name)
def test_the_edge_is_where_the_table_says(edge: Edge, form: str, dtype: str) -> None:
    run, order = FORMS[form]
    outcome = edge.torch if form == "torch" else edge.numpy
    for case in edge.variants(dtype):
        before = [array.copy() for array in case]
        if outcome.error:
            with pytest.raises(outcome.error) as caught:
                run(*case)
            assert type(caught.value) is outcome.error
            assert outcome.message in str(caught.value)
            assert "\n" not in str(caught.value)
        else:
            with warnings.catch_warnings(record=True) as caught_warnings:
                warnings.simplefilter("always")
                loss, dW = run(*case)
            seen = {str(warning.message) for warning in caught_warnings}
            assert (
                any("invalid value" in message for message in seen) if outcome.warns else not seen
            )
            check(outcome, case, loss, dW, **order)
        for array, copy in zip(case, before, strict=True):
            np.testing.assert_array_equal(array, copy)


def test_the_page_holds_this_table() -> None:
    assert markdown.blocks(PAGE.read_text(encoding="utf-8")) == {"edges": table()}


def test_every_case_has_a_name_of_its_own() -> None:
    assert len({edge.name for edge in EDGES}) == len(EDGES)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_wrong_outcome_of_an_edge_fails_its_check(dtype: str) -> None:
    case = plain(dtype)
    loss, dW = pair_counts.loss_and_gradient(*case)
    check(CORRECT, case, loss, dW)
    u = float(np.finfo(dtype).eps) / 2
    with pytest.raises(AssertionError):
        check(CORRECT, case, loss * (1 + 64 * u), dW)  # twice the bound, 32 u
    with pytest.raises(AssertionError):
        check(CORRECT, case, loss, dW * (1 + 200 * u))
    with pytest.raises(AssertionError):
        check(NOT_A_NUMBER, case, loss, dW)
    dW[3, 0] = np.nan
    with pytest.raises(AssertionError):  # the row not visited
        check(CORRECT, case, loss, dW)
