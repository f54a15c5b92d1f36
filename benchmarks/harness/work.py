"""The work that is measured: shapes, tables and batches, and the contenders by name. No torch here.

A contender is a *form*: one way to do the same work. ``benchmarks/forms`` builds it, and says
whether it can run on this machine.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from common.batcher import Batcher
from common.config import Config
from common.text.corpus import Corpus
from common.training import initial_table

SUITE = "bigram benchmarks 1"
BLOCK_SIZE = 8
EVALUATED = 1_003_854  # tokens of the training split
CHUNK = 2**15  # of them at a time, token by token: all would need N * V floats
SEED = Config().seed


class Form(NamedTuple):
    """One way to do the work, and the table of the report that it belongs in."""

    label: str
    backend: str  # "NumPy", "torch", "JAX", "Numba", "autograd", "C" or "Python"
    algorithm: str  # only equals are compared
    device: str = "cpu"
    # or "latency": waits for the device after every call; on a CPU they are one
    pace: str = "throughput"


FORMS = {
    "numpy-step": Form("NumPy, pair counts", "NumPy", "pair counts"),
    "numpy-pair-counts": Form("NumPy, pair counts as on paper", "NumPy", "pair counts"),
    "numpy-add-at": Form("NumPy, np.add.at", "NumPy", "per token"),
    "numpy-one-hot": Form("NumPy, one-hot matmul", "NumPy", "per token"),
    "torch-eager": Form("torch, eager", "torch", "per token"),
    "torch-fused": Form("torch, eager, fused AdamW", "torch", "per token"),
    "torch-compiled": Form("torch, model and AdamW compiled", "torch", "per token"),
    "torch-compiled-step": Form("torch, whole step compiled", "torch", "per token"),
    "torch-pair-counts": Form("torch, pair counts", "torch", "pair counts"),
    "torch-pair-counts-rows": Form(
        "torch, pair counts of the rows that occur", "torch", "pair counts"
    ),
    "torch-pair-counts-compiled": Form("torch, pair counts compiled", "torch", "pair counts"),
    "jax-per-token": Form("JAX, whole step jitted", "JAX", "per token"),
    "jax-pair-counts": Form("JAX, pair counts jitted", "JAX", "pair counts"),
    "numba-per-token": Form("Numba, loops", "Numba", "per token"),
    "numba-pair-counts": Form("Numba, loops over pair counts", "Numba", "pair counts"),
    "autograd-per-token": Form("HIPS autograd", "autograd", "per token"),
    "c-per-token": Form("C, exact", "C", "per token"),
    "c-fast-per-token": Form("C, -ffast-math", "C", "per token"),
    "c-pair-counts": Form("C, pair counts, exact", "C", "pair counts"),
    "c-fast-pair-counts": Form("C, pair counts, -ffast-math", "C", "pair counts"),
}
# the forms of the whole step; below, those of its parts and of the work around it
STEP = tuple(FORMS)
FORMS |= {
    "numpy-per-token": Form("NumPy, per token", "NumPy", "per token"),
    "torch-recorded": Form("torch, eager, recorded for a backward pass", "torch", "per token"),
    "numpy-adamw": Form("NumPy, AdamW as `bigram train` runs it", "NumPy", "AdamW"),
    "numpy-adamw-plain": Form("NumPy, AdamW as on paper", "NumPy", "AdamW"),
    "numpy-call": Form("NumPy, np.multiply of one number", "NumPy", "call"),
    "torch-call": Form("torch, torch.mul of one number", "torch", "call"),
    "jax-call": Form("JAX, a jitted function of one number", "JAX", "call"),
    "c-call": Form("C, a function that does nothing", "C", "call"),
    "numpy-counting": Form("NumPy, pair counts, counting included", "NumPy", "pair counts"),
    "numpy-batcher": Form("NumPy, one fancy index", "NumPy", "all windows at once"),
    "numpy-slicing": Form("NumPy, slicing and stacking", "NumPy", "window by window"),
    "torch-slicing": Form("torch, slicing and stacking", "torch", "window by window"),
    "torch-index": Form("torch, one fancy index", "torch", "all windows at once"),
    "python-list": Form("a list comprehension", "Python", "character by character"),
    "python-tokenizer": Form("CharTokenizer.encode", "Python", "character by character"),
    "numpy-tokenizer": Form("FastTokenizer.encode", "NumPy", "all characters at once"),
    "numpy-generate": Form("NumPy, model.generate", "NumPy", "logits for every character"),
    "numpy-bisection": Form("NumPy, generation.generate", "NumPy", "cumulative rows once"),
    "torch-generate": Form(
        "torch, model.generate, given draws", "torch", "logits for every character"
    ),
    "torch-multinomial": Form(
        "torch, model.generate, multinomial", "torch", "logits for every character"
    ),
    "job-numpy": Form("bigram train --backend numpy", "NumPy", "exact evaluation"),
    "job-numpy-sampled": Form(
        "bigram train --backend numpy --eval-iters 200", "NumPy", "evaluation on 200 batches"
    ),
    "job-torch": Form("bigram train --backend torch", "torch", "exact evaluation"),
    "job-torch-plain": Form("plain_torch.py", "torch", "evaluation on 200 batches"),
    "job-import-numpy": Form('python -c "import numpy"', "NumPy", "import"),
    "job-import-torch": Form('python -c "import torch"', "torch", "import"),
}
PASSES = ("copy", "multiply", "exp", "sqrt", "divide")
FORMS |= {name: Form(name, "NumPy", "one pass") for name in PASSES}
ON_DEVICES = {
    "cuda": ("eager", "fused", "compiled", "compiled-step", "graph", "pair-counts"),
    "mps": ("eager", "fused", "pair-counts"),
}
for device, kinds in ON_DEVICES.items():
    for kind in kinds:
        for pace in ("latency", "throughput"):
            FORMS[f"{device}-{kind}-{pace}"] = Form(
                f"torch on {device}, {kind.replace('-', ' ')}, {pace}",
                "torch",
                "pair counts" if kind == "pair-counts" else "per token",
                device,
                pace,
            )


class Shape(NamedTuple):
    """V, and B windows of 8 tokens."""

    vocab_size: int
    batch_size: int

    @property
    def tokens(self) -> int:
        return self.batch_size * BLOCK_SIZE

    def __str__(self) -> str:
        return f"V = {self.vocab_size:,}, {self.tokens:,} tokens"

    @property
    def id(self) -> str:
        """For the name of a test."""
        return f"V{self.vocab_size}-N{self.tokens}"


VOCABULARIES = (27, 65, 256, 1024, 4096)
SHAPES = [
    *(Shape(65, batch_size) for batch_size in (32, 256, 1024, 4096)),
    *(Shape(V, batch_size) for V in VOCABULARIES if V != 65 for batch_size in (32, 1024)),
]


SMALLEST = Shape(2, 1)  # a step with nearly nothing to compute: the time that is left is dispatch


def quick(name: str, form: str, published: bool) -> str:
    """The name of a row. Those of the published shape say ``quick``, except where compiling takes
    seconds."""
    slow = "compiled" in form or form.startswith("numba")
    return f"{name}-{form}" + ("-quick" if published and not slow else "")


class Work(NamedTuple):
    """A table, its batches and the hyperparameters of the step."""

    table: NDArray[np.floating]  # (V, V)
    batches: list[tuple[NDArray[np.int64], NDArray[np.int64]]]  # idx, targets, (B, T) each
    config: Config


def tokens_of(corpus: Corpus, vocab_size: int, size: int) -> NDArray[np.integer]:
    """A text of so many characters: the corpus where it has them. For any other V ids drawn evenly,
    the hardest text for counting: it has the most rows and pairs that a batch can have."""
    if vocab_size == corpus.tokenizer.vocab_size:
        return corpus.train
    ids = np.random.default_rng(vocab_size).integers(vocab_size, size=size)
    return ids.astype(np.min_scalar_type(vocab_size - 1))


def training(corpus: Corpus, shape: Shape) -> Work:
    """The published schedule's first table and batches, at this shape, in float32."""
    config = Config(batch_size=shape.batch_size, block_size=BLOCK_SIZE)
    rng = np.random.default_rng(config.seed)
    table = initial_table(shape.vocab_size, config.dtype, rng)
    tokens = tokens_of(corpus, shape.vocab_size, 1_000_000)
    batcher = Batcher(tokens, shape.batch_size, BLOCK_SIZE, rng)
    # one step takes tenths of a second
    few = shape.vocab_size * max(shape.vocab_size, shape.tokens) > 2**22
    return Work(table, [batcher.get_batch() for _ in range(2 if few else 4)], config)


def chunks(tokens: Any) -> Iterator[Any]:
    """The inputs and targets of a whole text, ``CHUNK`` at a time."""
    for start in range(0, len(tokens) - 1, CHUNK):
        yield tokens[:-1][start : start + CHUNK], tokens[1:][start : start + CHUNK]


def rows_that_occur(work: Work) -> float:
    """R: how many different characters a batch holds, on average."""
    return float(np.mean([len(np.unique(idx)) for idx, _ in work.batches]))
