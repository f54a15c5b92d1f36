"""Proves properties of any table and any batch: those of softmax, a mean and a lookup, exactly
where floating point keeps them and within a derived bound elsewhere. And that tokenizer and batcher
return any text unchanged."""

import math
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from bigram.bounds import gradient_bound, gradient_drift, loss_bound, unit_roundoff
from common.batcher import Batcher
from common.pairs import count_pairs
from common.tokenizer import CharTokenizer
from impl_numpy import cross_entropy, pair_counts, stepwise
from tests.kit.autograd import autograd
from tests.kit.cases import Case

# On a reader's machine new cases at every run; where a result must not depend on luck, always the
# same.
bounded = settings(max_examples=60, deadline=None, derandomize="CI" in os.environ)

Gradient = Callable[..., tuple[float, NDArray]]


FORMS: dict[str, Gradient] = {
    "stepwise": stepwise.loss_and_gradient,
    "cross_entropy": cross_entropy.loss_and_gradient,
    "pair_counts": pair_counts.loss_and_gradient,
    "torch": autograd,
}
each_form = pytest.mark.parametrize("form", FORMS)


def bound_of(form: str, case: Case) -> NDArray:
    return gradient_bound(
        case.W,
        count_pairs(case.idx, case.targets, len(case.W)),
        exp_of_log=form in ("stepwise", "torch"),
        per_token=form != "pair_counts",
    )


@st.composite
def cases(draw: st.DrawFn, reach: float = 30.0, steps: int | None = None) -> Case:
    """Any V up to 9 and any batch of up to 6 x 6. Logits up to ``reach`` in size; with ``steps``,
    only multiples of 1 / steps."""
    V, B, T = (draw(st.integers(1, most)) for most in (9, 6, 6))
    dtype = draw(st.sampled_from(["float32", "float64"]))
    if steps is None:
        W = draw(arrays(np.float32, (V, V), elements=st.floats(-reach, reach, width=32)))
        if dtype == "float64":  # some that float32 has no room for
            W = W.astype(dtype) * (1 + draw(st.integers(0, 8)) * 2.0**-40)
    else:
        whole = int(reach * steps)
        W = (
            draw(arrays(np.int64, (V, V), elements=st.integers(-whole, whole))).astype(dtype)
            / steps
        )
        W = W.astype(dtype)
    idx, targets = (
        draw(arrays(np.int64, (B, T), elements=st.integers(0, V - 1))) for _ in range(2)
    )
    return Case(W, idx, targets)


@each_form
@bounded
@given(case=cases(reach=32, steps=1024), data=st.data())
def test_a_shift_that_adds_exactly_changes_no_bit(
    form: str, case: Case, data: st.DataObject
) -> None:
    # Logits and shifts on a grid of 1/1024, all below 128: no sum of them is rounded, nor a
    # difference.
    shift = (
        data.draw(arrays(np.int64, (len(case.W), 1), elements=st.integers(-65536, 65536))) / 1024
    )
    shifted = case._replace(W=case.W + shift.astype(case.W.dtype))
    assert np.array_equal(shifted.W.astype(np.float64) - shift, case.W)
    loss, dW = FORMS[form](*case)
    again, dW_again = FORMS[form](*shifted)
    assert loss == again
    np.testing.assert_array_equal(dW, dW_again)


@each_form
@bounded
@given(case=cases(), shift=st.floats(-1000, 1000, width=32))
def test_any_shift_changes_no_more_than_rounding_does(form: str, case: Case, shift: float) -> None:
    shifted = case._replace(W=case.W + case.W.dtype.type(shift))
    # by which the sums were rounded
    distance = unit_roundoff(case.W.dtype) * float(abs(shifted.W).max())
    loss, dW = FORMS[form](*case)
    again, dW_again = FORMS[form](*shifted)
    assert abs(loss - again) <= loss_bound(loss, case.W.dtype, distance)
    drift = gradient_drift(case.W, count_pairs(case.idx, case.targets, len(case.W)), distance)
    assert (abs(dW - dW_again) <= bound_of(form, case) + bound_of(form, shifted) + drift).all()


@each_form
@bounded
@given(case=cases())
def test_rows_of_the_gradient_sum_to_zero(form: str, case: Case) -> None:
    # p sums to 1, and so does the one-hot row: exact entries would cancel, and computed ones miss
    # by no more than their bounds together. fsum adds without rounding.
    _, dW = FORMS[form](*case)
    for row, bound in zip(dW, bound_of(form, case), strict=True):
        assert abs(math.fsum(row.tolist())) <= bound.sum()


@each_form
@bounded
@given(case=cases(), data=st.data())
def test_the_order_of_tokens_does_not_matter(form: str, case: Case, data: st.DataObject) -> None:
    order = np.array(data.draw(st.permutations(range(case.idx.size))))
    mixed = case._replace(
        idx=case.idx.ravel()[order].reshape(case.idx.shape),
        targets=case.targets.ravel()[order].reshape(case.idx.shape),
    )
    loss, dW = FORMS[form](*case)
    again, dW_again = FORMS[form](*mixed)
    if form == "pair_counts":  # counts have no order
        assert loss == again
        np.testing.assert_array_equal(dW, dW_again)
    assert abs(loss - again) <= loss_bound(loss, case.W.dtype)
    assert (abs(dW - dW_again) <= 2 * bound_of(form, case)).all()


@each_form
@bounded
@given(case=cases(), data=st.data())
def test_batches_together_average_by_their_tokens(
    form: str, case: Case, data: st.DataObject
) -> None:
    V, N = len(case.W), case.idx.size
    other = case._replace(
        **{
            name: data.draw(arrays(np.int64, (3, 2), elements=st.integers(0, V - 1)), label=name)
            for name in ("idx", "targets")
        }
    )
    M = other.idx.size
    both = Case(
        case.W,
        np.concatenate([case.idx.ravel(), other.idx.ravel()])[None],
        np.concatenate([case.targets.ravel(), other.targets.ravel()])[None],
    )
    results = [FORMS[form](*one) for one in (case, other, both)]
    (loss, dW), (other_loss, other_dW), (both_loss, both_dW) = (
        (value, gradient.astype(np.float64)) for value, gradient in results
    )
    # All times their tokens; each of these three products and two sums is rounded once more, to
    # float64.
    expected, magnitude = N * dW + M * other_dW, N * abs(dW) + M * abs(other_dW)
    limit = N * bound_of(form, case) + M * bound_of(form, other) + (N + M) * bound_of(form, both)
    rounding = 5 * unit_roundoff("float64") * magnitude
    assert (abs((N + M) * both_dW - expected) <= limit + rounding).all()
    mean, largest = (N * loss + M * other_loss) / (N + M), max(loss, other_loss, both_loss)
    loss_rounding = 4 * unit_roundoff("float64") * largest
    assert abs(both_loss - mean) <= loss_bound(largest, case.W.dtype) + loss_rounding


@each_form
@bounded
@given(case=cases(), data=st.data())
def test_how_tokens_are_cut_into_a_batch_changes_no_bit(
    form: str, case: Case, data: st.DataObject
) -> None:
    N = case.idx.size
    B = data.draw(st.sampled_from([B for B in range(1, N + 1) if N % B == 0]), label="B")
    cut = case._replace(idx=case.idx.reshape(B, -1), targets=case.targets.reshape(B, -1))
    loss, dW = FORMS[form](*case)
    again, dW_again = FORMS[form](*cut)
    assert loss == again
    np.testing.assert_array_equal(dW, dW_again)


# Any character at all: with those beyond 16 bits, and with the lone halves of those, which no
# encoding has. At most 100, so that the ids of two such texts fit in uint8.
TEXTS = st.text(st.characters() | st.characters(categories=["Cs"]), min_size=1, max_size=100)
INTEGER_TYPES = ["uint8", "int16", ">i2", "uint16", "int32", "uint32", ">i4", "int64", "uint64"]


@bounded
@given(text=TEXTS, corpus=TEXTS, dtype=st.sampled_from(INTEGER_TYPES), data=st.data())
def test_text_comes_back_through_a_vocabulary_that_has_more(
    text: str, corpus: str, dtype: str, data: st.DataObject
) -> None:
    tokenizer = CharTokenizer(corpus + text)
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids.astype(dtype)) == text
    cut = data.draw(st.integers(0, len(text)), label="cut")
    pieces = [tokenizer.encode(part) for part in (text[:cut], text[cut:])]
    # a character's id owes its neighbours nothing
    np.testing.assert_array_equal(np.concatenate(pieces), ids)


def batches_of(tokens: NDArray, B: int, T: int, seed: int) -> list[list[list[list[int]]]]:
    batcher = Batcher(tokens, B, T, np.random.default_rng(seed))
    return [[part.tolist() for part in batcher.get_batch()] for _ in range(3)]


@bounded
@given(data=st.data(), seed=st.integers(0, 2**32), B=st.integers(1, 4), T=st.integers(1, 6))
def test_the_same_batches_from_any_type_and_layout_of_tokens(
    data: st.DataObject, seed: int, B: int, T: int
) -> None:
    tokens = data.draw(
        arrays(np.uint8, st.integers(T + 1, 40), elements=st.integers(0, 255)), label="tokens"
    )
    expected = batches_of(tokens, B, T, seed=seed)
    for dtype in INTEGER_TYPES:
        assert batches_of(tokens.astype(dtype), B, T, seed=seed) == expected
    assert batches_of(np.repeat(tokens, 2)[::2], B, T, seed=seed) == expected
    assert batches_of(tokens[::-1].copy()[::-1], B, T, seed=seed) == expected


@bounded
@given(text=TEXTS, seed=st.integers(0, 2**32), T=st.integers(1, 6), data=st.data())
def test_a_batch_decodes_to_pieces_of_the_text(
    text: str, seed: int, T: int, data: st.DataObject
) -> None:
    text = text * (T + 1)  # long enough
    tokenizer = CharTokenizer(text)
    batcher: Any = Batcher(tokenizer.encode(text), 3, T, np.random.default_rng(seed))
    for x, y in zip(*batcher.get_batch(), strict=True):
        window = tokenizer.decode(x) + tokenizer.decode(y[-1:])
        assert window in text
        assert tokenizer.decode(y) == window[1:]
