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

SOURCE = Path(__file__).with_name("loops.c")
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
                errors = (line for line in error.stderr.splitlines() if "error" in line)
                first, status = next(errors, "no message"), error.returncode
                raise Unavailable(f"{compiler[0]} fails with status {status}: {first}") from None
        loaded = ctypes.CDLL(str(made[1]))
    for name in ("forward", "gradient", "step", "step_counted"):
        getattr(loaded, name).restype = ctypes.c_double
    return loaded


def of(name: str) -> ctypes.CDLL:
    """The library of a form."""
    return library(FAST if "fast" in name else EXACT)


def pointer(array: np.ndarray) -> ctypes.c_void_p:
    """To its first number. The pointer keeps the array alive."""
    return array.ctypes.data_as(ctypes.c_void_p)


def pointers(work: Work) -> list[tuple[ctypes.c_void_p, ctypes.c_void_p]]:
    """Of each batch, int64 and contiguous as ``Batcher`` makes them."""
    return [(pointer(idx), pointer(targets)) for idx, targets in work.batches]


def sizes(work: Work) -> tuple[ctypes.c_int64, ctypes.c_int64]:
    """N and V."""
    return ctypes.c_int64(work.batches[0][0].size), ctypes.c_int64(len(work.table))


def step(work: Work, name: str) -> Job:
    """Gradient and AdamW, in place."""
    function, given, W = of(name).step, settings(work.config), work.table.copy()
    tables = [pointer(W), *(pointer(np.zeros_like(W)) for _ in range(3))]  # and m, v, dW
    batches, (N, V) = pointers(work), sizes(work)
    scratch = [pointer(np.empty(len(W), np.float32))]
    if name.endswith("counts"):
        function = of(name).step_counted
        scratch.append(pointer(np.empty(len(W), np.int64)))

    def run(i: int) -> None:
        batch, t = batches[i % len(batches)], ctypes.c_int64(i + 1)
        function(N, V, *tables, *batch, given, t, *scratch)

    return Job(run, lambda: W)


def gradient(work: Work, name: str) -> Job:
    """Loss and gradient, per token."""
    function, dW, W = of(name).gradient, np.empty_like(work.table), pointer(work.table)
    batches, (N, V) = pointers(work), sizes(work)
    made = pointer(dW), pointer(np.empty(len(dW), np.float32))
    job = last_result(lambda i: function(N, V, W, *batches[i % len(batches)], *made))
    return Job(job.run, lambda: (job.result(), dW))


def forward(work: Work, name: str) -> Job:
    """The mean loss of a batch, per token."""
    function, W = of(name).forward, pointer(work.table)
    batches, (N, V), scratch = pointers(work), sizes(work), pointer(np.empty_like(work.table[0]))
    return last_result(lambda i: function(N, V, W, *batches[i % len(batches)], scratch))


def optimizer_step(work: Work, gradients: list[Array], name: str) -> Job:
    """AdamW alone."""
    function, given, W = of(name).adamw, settings(work.config), work.table.copy()
    V, tables = (
        ctypes.c_int64(len(W)),
        [pointer(a) for a in (W, np.zeros_like(W), np.zeros_like(W))],
    )
    dW = [pointer(g) for g in gradients]

    def run(i: int) -> None:
        function(V, *tables, dW[i % len(dW)], given, ctypes.c_int64(i + 1))

    return Job(run, lambda: W)


def empty_call() -> Callable[[int], object]:
    """A call of a C function that does nothing."""
    function = library(EXACT).empty
    return lambda _: function()
