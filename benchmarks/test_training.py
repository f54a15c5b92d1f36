"""The training step and its parts: forward, forward and backward, AdamW, and all of it, over N and
V; and the same step where there is next to nothing to compute."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from benchmarks.forms import build, forget
from benchmarks.harness import gates
from benchmarks.harness.interleave import Group, Job, last_result
from benchmarks.harness.work import (
    FORMS,
    SHAPES,
    SMALLEST,
    STEP,
    VOCABULARIES,
    Shape,
    Work,
    quick,
    rows_that_occur,
    training,
)
from common.pairs import count_pairs
from common.text.corpus import Corpus

DEVICES = tuple(name for name in FORMS if FORMS[name].device != "cpu")
EAGER = tuple(name for name in DEVICES if "-eager-" in name)
COUNTED = tuple(name for name in DEVICES if "-pair-counts-" in name)
PEERS = ("jax-per-token", "c-per-token", "c-fast-per-token")
FORWARD = (
    *("numpy-per-token", "numpy-pair-counts", "torch-eager", "torch-recorded", "torch-pair-counts"),
    *(*PEERS, *EAGER, *COUNTED),
)
GRADIENT = (
    *("numpy-step", "numpy-pair-counts", "numpy-add-at", "numpy-one-hot"),
    *("torch-eager", "torch-pair-counts", "torch-pair-counts-rows"),
    *(*PEERS, "autograd-per-token", *EAGER, *COUNTED),
)
OPTIMIZERS = (
    *("numpy-adamw", "numpy-adamw-plain", "torch-eager", "torch-fused", *PEERS),
    *(name for name in DEVICES if "-eager-" in name or "-fused-" in name),
)
DISPATCHED = tuple(name for name in STEP if "numba" not in name and "compiled" not in name)
CALLS = ("numpy-call", "torch-call", "jax-call", "c-call")


def over_shapes(forms: tuple[str, ...]) -> list[Any]:
    """Every form at every shape."""
    return [
        pytest.param(shape, form, id=quick(shape.id, form, shape == SHAPES[0]))
        for shape in SHAPES
        for form in forms
    ]


def group(
    make: str, work: Work, check: gates.Gate, seconds: float, *given: Any, **info: Any
) -> Group:
    """Every form's job, made by the function of that name in the file of its backend."""

    def job(name: str) -> Job:
        return build(name, make, work, *given, name)

    inputs, tokens = len(work.batches), work.batches[0][0].size
    info = {"tokens": tokens, "vocab_size": len(work.table), "dtype": "float32"} | info
    most_calls = 100 if make == "optimizer_step" else 200
    return Group(job, check, inputs, seconds, info, most_calls, close=forget)


@pytest.mark.parametrize(("shape", "form"), over_shapes(STEP + DEVICES))
def test_step(row: Callable, corpus: Corpus, shape: Shape, form: str) -> None:
    def make() -> Group:
        work = training(corpus, shape)
        return group("step", work, gates.trained(work), 5.0, rows=rows_that_occur(work))

    row(make, f"step, {shape}", form)


@pytest.mark.parametrize(("shape", "form"), over_shapes(GRADIENT))
def test_gradient(row: Callable, corpus: Corpus, shape: Shape, form: str) -> None:
    def make() -> Group:
        work = training(corpus, shape)
        return group("gradient", work, gates.loss_and_gradient(work), 2.5)

    row(make, f"forward and backward, {shape}", form)


@pytest.mark.parametrize(("shape", "form"), over_shapes(FORWARD))
def test_forward(row: Callable, corpus: Corpus, shape: Shape, form: str) -> None:
    def make() -> Group:
        work = training(corpus, shape)
        counts = [count_pairs(*batch, shape.vocab_size) for batch in work.batches]
        return group("forward", work, gates.losses([work.table] * len(counts), counts), 1.5)

    row(make, f"forward, {shape}", form)


@pytest.mark.parametrize(
    ("V", "form"),
    [pytest.param(V, f, id=quick(f"V{V}", f, V == 65)) for V in VOCABULARIES for f in OPTIMIZERS],
)
def test_optimizer(row: Callable, corpus: Corpus, V: int, form: str) -> None:
    def make() -> Group:
        work = training(corpus, Shape(V, 32))
        gradients = [
            gates.exact(work.table, count_pairs(*b, V))[1].astype(np.float32) for b in work.batches
        ]
        check = gates.optimized(work, gradients)
        return group("optimizer_step", work, check, 1.5, gradients, tokens=None)

    row(make, f"AdamW, V = {V:,}", form)


@pytest.mark.parametrize("form", [pytest.param(f, id=quick("V2", f, True)) for f in DISPATCHED])
def test_dispatch(row: Callable, corpus: Corpus, form: str) -> None:
    def make() -> Group:
        work = training(corpus, SMALLEST)
        return group("step", work, gates.trained(work), 2.0)

    row(make, f"step, {SMALLEST}: dispatch", form)


@pytest.mark.parametrize("form", [pytest.param(f, id=quick("V1", f, True)) for f in CALLS])
def test_call(row: Callable, corpus: Corpus, form: str) -> None:
    def make() -> Group:
        def check(name: str, result: Any, _: int) -> None:
            assert name == "c-call" or np.asarray(result).item() == (2 if name == "jax-call" else 1)

        info = {"vocab_size": 1, "tokens": None, "dtype": "float32"}
        return Group(lambda name: last_result(build(name, "empty_call")), check, 1, 0.5, info)

    row(make, "the smallest call", form)
