"""The training step and its parts: forward, forward and backward, AdamW, and all of it, over N and V."""

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from benchmarks.forms import numpy_forms
from benchmarks.harness import gates
from benchmarks.harness.interleave import CLOCK, Group, Job, Unavailable
from benchmarks.harness.work import (
    FORMS,
    SHAPES,
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
from impl_numpy.fast.adamw import FastAdamW

pytestmark = pytest.mark.benchmark(timer=CLOCK)

DEVICES = tuple(name for name in FORMS if FORMS[name].device != "cpu")
EAGER = tuple(name for name in DEVICES if "-eager-" in name)
COUNTED = tuple(name for name in DEVICES if "-pair-counts-" in name)
FORWARD = ("numpy-per-token", "numpy-pair-counts", "torch-eager", "torch-pair-counts", *EAGER, *COUNTED)
GRADIENT = (
    *(*numpy_forms.GRADIENTS, "numpy-rows"),
    *("torch-eager", "torch-pair-counts", "torch-pair-counts-rows"),
    *(*EAGER, *COUNTED),
)
NUMPY_OPTIMIZERS = ("numpy-adamw", "numpy-adamw-blocked", "numpy-adamw-plain")
OPTIMIZERS = (*NUMPY_OPTIMIZERS, "torch-eager", "torch-fused")
OPTIMIZERS += tuple(name for name in DEVICES if "-eager-" in name or "-fused-" in name)


def over_shapes(forms: tuple[str, ...]) -> list[Any]:
    """Every form at every shape."""
    return [
        pytest.param(shape, form, id=quick(shape.id, form, shape == SHAPES[0]))
        for shape in SHAPES
        for form in forms
    ]


def torch_job(make: str, *arguments: Any) -> Job:
    """A job of ``torch_forms``, by name, where torch is installed."""
    if not importlib.util.find_spec("torch"):
        raise Unavailable("torch is not installed")
    from benchmarks.forms import torch_forms

    return getattr(torch_forms, make)(*arguments)


def forget() -> None:
    if importlib.util.find_spec("torch"):
        from benchmarks.forms import torch_forms

        torch_forms.forget()


def group(
    make: str, forms: tuple[str, ...], work: Work, check: gates.Gate, seconds: float, **info: Any
) -> Group:
    """Every form's job, made by the function of that name in its backend's file."""

    def builder(name: str) -> Callable[[], Job]:
        if FORMS[name].backend == "NumPy":
            return lambda: getattr(numpy_forms, make)(work, name)
        return lambda: torch_job(make, work, name)

    info |= {"tokens": work.batches[0][0].size, "vocab_size": len(work.table), "dtype": work.config.dtype}
    jobs = {name: builder(name) for name in forms}
    return Group(jobs, check, len(work.batches), seconds, info, most_calls=200, close=forget)


@pytest.mark.parametrize(("shape", "form"), over_shapes(STEP + DEVICES))
def test_step(row: Callable, corpus: Corpus, shape: Shape, form: str) -> None:
    def make() -> Group:
        work = training(corpus, shape)
        return group("step", STEP + DEVICES, work, gates.trained(work), 5.0, rows=rows_that_occur(work))

    row(make, f"step, {shape}", form)


@pytest.mark.parametrize(("shape", "form"), over_shapes(GRADIENT))
def test_forward_backward(row: Callable, corpus: Corpus, shape: Shape, form: str) -> None:
    def make() -> Group:
        work = training(corpus, shape)
        return group("gradient", GRADIENT, work, gates.loss_and_gradient(work), 2.5)

    row(make, f"forward and backward, {shape}", form)


@pytest.mark.parametrize(("shape", "form"), over_shapes(FORWARD))
def test_forward(row: Callable, corpus: Corpus, shape: Shape, form: str) -> None:
    def make() -> Group:
        work = training(corpus, shape)
        counts = [count_pairs(*batch, shape.vocab_size) for batch in work.batches]
        return group("forward", FORWARD, work, gates.losses([work.table] * len(counts), counts), 1.5)

    row(make, f"forward, {shape}", form)


@pytest.mark.parametrize(
    ("V", "form"),
    [pytest.param(V, f, id=quick(f"V{V}", f, V == 65)) for V in VOCABULARIES for f in OPTIMIZERS],
)
def test_optimizer(row: Callable, corpus: Corpus, V: int, form: str) -> None:
    def make() -> Group:
        work = training(corpus, Shape(V, 32))
        gradients = [gates.exact(work.table, count_pairs(*b, V))[1].astype(np.float32) for b in work.batches]

        def numpy_job(make_optimizer: Callable) -> Job:
            W = work.table.copy()
            optimizer = make_optimizer(W, work.config)
            return Job(lambda i: optimizer.step(W, gradients[i % len(gradients)]), lambda: W)

        def torch_builder(name: str) -> Callable[[], Job]:
            return lambda: torch_job("optimizer_step", work, gradients, name)

        jobs: dict[str, Callable[[], Job]] = {
            "numpy-adamw": lambda: numpy_job(numpy_forms.adamw),
            "numpy-adamw-blocked": lambda: numpy_job(
                lambda W, config: numpy_forms.adamw(W, config, FastAdamW)
            ),
            "numpy-adamw-plain": lambda: numpy_job(numpy_forms.PlainAdamW),
        }
        jobs |= {name: torch_builder(name) for name in OPTIMIZERS if name not in jobs}
        info = {"vocab_size": V, "tokens": None, "dtype": work.config.dtype}
        check = gates.optimized(work, gradients)
        return Group(jobs, check, len(gradients), 1.5, info, most_calls=100)

    row(make, f"AdamW, V = {V:,}", form)
