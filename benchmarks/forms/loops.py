"""Plain C loops as contenders: ``loops.c``, built by the C compiler that is here, called through
ctypes.

``c-…`` keeps the arithmetic of the source, ``c-fast-…`` is built with -ffast-math: sums in any
order, and exp in vectors where the C library has it. Both are no framework but the measured floor.
"""

import ctypes
import functools
import os
import shlex
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.harness.interleave import Job, Unavailable, last_result
from benchmarks.harness.work import Work
from common.arrays import Array
from common.config import Config

SOURCE = Path(__file__).with_suffix(".c")
# Neither errno nor traps: without them sqrtf is one instruction, and no value changes. No fused
# multiply-add.
EXACT = ("-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off")
FAST = ("-O3", "-march=native", "-ffast-math")


class Settings(ctypes.Structure):
    """``Config`` of ``loops.c``."""

    _fields_ = [(name, ctypes.c_double) for name in ("lr", "beta1", "beta2", "eps", "weight_decay")]


def settings(config: Config) -> object:
    """A pointer to the hyperparameters."""
    return ctypes.pointer(Settings(config.lr, *config.betas, config.eps, config.weight_decay))


@functools.cache
def library(flags: tuple[str, ...]) -> ctypes.CDLL:
    """The loops as a shared library. ``Unavailable`` where there is no compiler, or it fails.

    Compiled and linked apart: linked with -ffast-math, the library would flush subnormals to zero
    in the whole process, NumPy's and torch's too.
    """
    compiler = shlex.split(os.environ.get("CC", "cc"))
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "loops.o", Path(folder) / "loops.so"
        for options in (
            [*flags, "-fPIC", "-c", str(SOURCE), "-o", str(made[0])],
            ["-shared", str(made[0]), "-o", str(made[1]), "-lm"],
        ):
            try:
                subprocess.run(
                    [*compiler, *options], check=True, capture_output=True, encoding="utf-8"
                )
            except FileNotFoundError:
                raise Unavailable(f"there is no C compiler {compiler[0]!r} here") from None
            except subprocess.CalledProcessError as error:
                said = [line for line in error.stderr.splitlines() if "error" in line] or [
                    "no message"
                ]
                raise Unavailable(
                    f"{compiler[0]} fails with status {error.returncode}: {said[0]}"
                ) from None
        loaded = ctypes.CDLL(str(made[1]))
    for name in ("forward", "gradient", "step", "step_counted"):
        getattr(loaded, name).restype = ctypes.c_double
    return loaded


def of(name: str) -> ctypes.CDLL:
    """The library of a form."""
    return library(FAST if "fast" in name else EXACT)


def pointer(array: np.ndarray) -> ctypes.c_void_p:
    """To its first number. The array must outlive every call."""
    return ctypes.c_void_p(array.ctypes.data)


def pointers(work: Work) -> list[tuple[ctypes.c_void_p, ctypes.c_void_p]]:
    """Of each batch, int64 and contiguous as ``Batcher`` makes them."""
    return [(pointer(idx), pointer(targets)) for idx, targets in work.batches]


def sizes(work: Work) -> tuple[ctypes.c_int64, ctypes.c_int64]:
    """N and V."""
    return ctypes.c_int64(work.batches[0][0].size), ctypes.c_int64(len(work.table))


def step(work: Work, name: str) -> Job:
    """Gradient and AdamW, in place."""
    loaded, given = of(name), settings(work.config)
    W = work.table.copy()
    m, v, dW = np.zeros_like(W), np.zeros_like(W), np.zeros_like(W)
    scratch, n = np.empty(len(W), np.float32), np.empty(len(W), np.int64)
    tables, batches, (N, V) = [pointer(a) for a in (W, m, v, dW)], pointers(work), sizes(work)
    scratch_at, n_at = pointer(scratch), pointer(n)
    keep = (W, m, v, dW, scratch, n, work)  # the pointers own nothing

    def per_token(i: int) -> None:
        batch, t = batches[i % len(batches)], ctypes.c_int64(i + 1)
        loaded.step(N, V, *tables, *batch, given, t, scratch_at)

    def counted(i: int) -> None:
        batch, t = batches[i % len(batches)], ctypes.c_int64(i + 1)
        loaded.step_counted(N, V, *tables, *batch, given, t, scratch_at, n_at)

    return Job(counted if name.endswith("counts") else per_token, lambda: keep[0])


def gradient(work: Work, name: str) -> Job:
    """Loss and gradient, per token."""
    loaded, dW, scratch = of(name), np.empty_like(work.table), np.empty(len(work.table), np.float32)
    batches, (N, V), W = pointers(work), sizes(work), pointer(work.table)
    dW_at, scratch_at = pointer(dW), pointer(scratch)
    job = last_result(
        lambda i: loaded.gradient(N, V, W, *batches[i % len(batches)], dW_at, scratch_at)
    )
    keep = (dW, scratch, work)
    return Job(job.run, lambda: (job.result(), keep[0]))


def forward(work: Work, name: str) -> Job:
    """The mean loss of a batch, per token."""
    loaded, scratch = of(name), np.empty(len(work.table), np.float32)
    batches, (N, V), W = pointers(work), sizes(work), pointer(work.table)
    keep, scratch_at = (scratch, work), pointer(scratch)
    job = last_result(lambda i: loaded.forward(N, V, W, *batches[i % len(batches)], scratch_at))
    return Job(job.run, lambda: (job.result(), keep)[0])


def optimizer_step(work: Work, gradients: list[Array], name: str) -> Job:
    """AdamW alone."""
    loaded, W, given = of(name), work.table.copy(), settings(work.config)
    m, v = np.zeros_like(W), np.zeros_like(W)
    V, at = ctypes.c_int64(len(W)), [pointer(a) for a in (W, m, v)]
    dW = [pointer(g) for g in gradients]
    keep = (W, m, v, gradients)

    def run(i: int) -> None:
        loaded.adamw(V, *at, dW[i % len(dW)], given, ctypes.c_int64(i + 1))

    return Job(run, lambda: keep[0])


def empty_call() -> Callable[[int], object]:
    """A call of a C function that does nothing."""
    function = library(EXACT).empty
    return lambda _: function()
