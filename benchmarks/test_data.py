"""Text into ids, and ids into batches."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.forms import build
from benchmarks.harness.interleave import Group, last_result
from benchmarks.harness.work import BLOCK_SIZE, SHAPES, quick
from common.text.corpus import Corpus
from common.text.fast_tokenizer import FastTokenizer
from common.tokenizer import CharTokenizer

SAMPLERS = ("numpy-batcher", "numpy-slicing", "torch-index", "torch-slicing")
ENCODERS = ("python-list", "python-tokenizer", "numpy-tokenizer")


def windows_of_the_text(
    tokens: NDArray, V: int, batch_size: int
) -> Callable[[str, Any, int], None]:
    """Every x and y must be windows of the text, one character apart, and the batches must differ.
    A window of 9 characters is known by one number, its ids as the digits of it: 65**9 < 2**63."""

    def numbers(windows: NDArray) -> NDArray:
        return windows.astype(np.int64) @ V ** np.arange(BLOCK_SIZE + 1)

    assert V ** (BLOCK_SIZE + 1) < 2**63
    there = np.sort(numbers(np.lib.stride_tricks.sliding_window_view(tokens, BLOCK_SIZE + 1)))
    last: dict[str, NDArray] = {}

    def check(name: str, batch: tuple[Any, Any], _: int) -> None:
        x, y = (np.asarray(part) for part in batch)
        assert x.shape == y.shape == (batch_size, BLOCK_SIZE)
        assert x.dtype == y.dtype == np.int64
        assert (x[:, 1:] == y[:, :-1]).all()
        drawn = numbers(np.concatenate([x, y[:, -1:]], axis=1))
        assert (there[np.searchsorted(there, drawn).clip(max=len(there) - 1)] == drawn).all()
        assert len(np.unique(drawn)) > len(drawn) / 2  # some windows of a text are alike
        assert name not in last or (last[name] != drawn).any()
        last[name] = drawn

    return check


@pytest.mark.parametrize(
    ("batch_size", "form"),
    [
        pytest.param(shape.batch_size, form, id=quick(f"N{shape.tokens}", form, shape == SHAPES[0]))
        for shape in SHAPES
        if shape.vocab_size == 65
        for form in SAMPLERS
    ],
)
def test_sampling(row: Callable, corpus: Corpus, batch_size: int, form: str) -> None:
    def make() -> Group:
        tokens = corpus.train

        return Group(
            lambda name: build(name, "sampling", tokens, batch_size, name),
            windows_of_the_text(tokens, corpus.tokenizer.vocab_size, batch_size),
            inputs=2,
            seconds=1.5,
            info={"vocab_size": 65, "tokens": batch_size * BLOCK_SIZE, "dtype": "int64"},
        )

    row(make, f"batch sampling, {batch_size * BLOCK_SIZE:,} tokens", form)


@pytest.mark.parametrize(
    "form", [pytest.param(form, id=quick("V65", form, True)) for form in ENCODERS]
)
def test_encoding(row: Callable, corpus: Corpus, form: str) -> None:
    def make() -> Group:
        tokenizer = CharTokenizer(corpus.tokenizer.vocab)
        fast = FastTokenizer(tokenizer.vocab)
        text = tokenizer.decode(np.concatenate([corpus.train, corpus.val]))
        texts = [text, text[::-1]]  # two, so that no answer can be kept
        stoi = tokenizer.stoi
        encoders: dict[str, Callable[[str], Any]] = {
            "python-list": lambda text: [stoi[ch] for ch in text],
            "python-tokenizer": tokenizer.encode,
            "numpy-tokenizer": fast.encode,
        }

        def check(_: str, ids: Any, calls: int) -> None:
            assert len(ids) == len(text)
            assert tokenizer.decode(ids) == texts[(calls - 1) % 2]

        return Group(
            lambda name: last_result(lambda i: encoders[name](texts[i % 2])),
            check,
            inputs=2,
            seconds=3.0,
            info={"vocab_size": 65, "tokens": len(text), "dtype": str(tokenizer.dtype)},
        )

    row(make, "encoding the whole text", form)
