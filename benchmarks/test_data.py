"""Text into ids, and ids into batches."""

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.harness.interleave import CLOCK, Group, Job, Unavailable, last_result
from benchmarks.harness.work import BLOCK_SIZE, SHAPES, quick
from common.batcher import Batcher
from common.text.corpus import Corpus
from common.text.fast_tokenizer import FastTokenizer
from common.tokenizer import CharTokenizer

pytestmark = pytest.mark.benchmark(timer=CLOCK)

SAMPLERS = ("numpy-batcher", "numpy-slicing", "torch-index", "torch-slicing")
ENCODERS = ("python-list", "python-tokenizer", "numpy-tokenizer")
SEED = 1337


def numpy_slicing(tokens: NDArray, batch_size: int) -> Callable[[int], Any]:
    """The batches of ``Batcher`` from the same seed, cut out one by one."""
    rng = np.random.default_rng(SEED)

    def draw(_: int) -> Any:
        starts = rng.integers(len(tokens) - BLOCK_SIZE, size=batch_size)
        x = np.stack([tokens[i : i + BLOCK_SIZE] for i in starts])
        y = np.stack([tokens[i + 1 : i + BLOCK_SIZE + 1] for i in starts])
        return x.astype(np.int64), y.astype(np.int64)

    return draw


def torch_sampler(name: str, tokens: NDArray, batch_size: int) -> Callable[[int], Any]:
    """As the published schedule draws its batches, or all windows with one index."""
    if not importlib.util.find_spec("torch"):
        raise Unavailable("torch is not installed")
    import torch

    torch.manual_seed(SEED)
    data = torch.tensor(tokens, dtype=torch.long)
    offsets = torch.arange(BLOCK_SIZE + 1)

    def stack(_: int) -> Any:
        starts = torch.randint(len(data) - BLOCK_SIZE, (batch_size,))
        x = torch.stack([data[i : i + BLOCK_SIZE] for i in starts])
        y = torch.stack([data[i + 1 : i + BLOCK_SIZE + 1] for i in starts])
        return x, y

    def index(_: int) -> Any:
        starts = torch.randint(len(data) - BLOCK_SIZE, (batch_size,))
        windows = data[starts[:, None] + offsets]
        return windows[:, :-1], windows[:, 1:]

    return stack if name == "torch-slicing" else index


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

        def numpy_batcher() -> Job:
            batcher = Batcher(tokens, batch_size, BLOCK_SIZE, np.random.default_rng(SEED))
            return last_result(lambda _: batcher.get_batch())

        return Group(
            {
                "numpy-batcher": numpy_batcher,
                "numpy-slicing": lambda: last_result(numpy_slicing(tokens, batch_size)),
                "torch-index": lambda: last_result(
                    torch_sampler("torch-index", tokens, batch_size)
                ),
                "torch-slicing": lambda: last_result(
                    torch_sampler("torch-slicing", tokens, batch_size)
                ),
            },
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

        def check(_: str, ids: Any, calls: int) -> None:
            assert len(ids) == len(text)
            assert tokenizer.decode(ids) == texts[(calls - 1) % 2]

        return Group(
            {
                "python-list": lambda: last_result(lambda i: [stoi[ch] for ch in texts[i % 2]]),
                "python-tokenizer": lambda: last_result(lambda i: tokenizer.encode(texts[i % 2])),
                "numpy-tokenizer": lambda: last_result(lambda i: fast.encode(texts[i % 2])),
            },
            check,
            inputs=2,
            seconds=3.0,
            info={"vocab_size": 65, "tokens": len(text), "dtype": str(tokenizer.dtype)},
        )

    row(make, "encoding the whole text", form)
