"""Proves that a contender which skips work, returns an old result or fails to compile has no
figure, that each peer passes the same gates, and that the printed tables fit and say which rows
they leave out."""

import ctypes
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks.forms import build, c_forms, numpy_forms
from benchmarks.harness import gates, interleave
from benchmarks.harness.interleave import Group, Job, Outcome, Unavailable
from benchmarks.harness.work import FORMS, SHAPES, STEP, Work
from common.config import Config
from common.pairs import count_pairs
from common.training import initial_table
from impl_numpy import cross_entropy, pair_counts
from impl_numpy.adamw import AdamW
from tests.kit import ROOT

V = 11
PEERS = [name for name in STEP if FORMS[name].backend in ("JAX", "Numba", "autograd", "C")]


@pytest.fixture
def work(rng: np.random.Generator) -> Work:
    """Three batches that leave the last row out."""
    batches = [tuple(rng.integers(V - 1, size=(2, 4, 8))) for _ in range(3)]
    return Work(initial_table(V, "float32", rng), batches, Config(batch_size=4))


def measured(jobs: dict[str, Callable[[], Job]], check: gates.Gate) -> dict[str, Outcome]:
    group = Group(lambda name: jobs[name](), check, inputs=3, seconds=0.05)
    return interleave.measure(group, list(jobs), fewest_rounds=5)


def assert_measured(outcome: Outcome) -> None:
    assert outcome.problem is None
    assert outcome.unavailable == ""
    assert len(outcome.seconds) >= 5
    assert min(outcome.seconds) > 0


def job_of(step: Callable[[np.ndarray, int], object], work: Work) -> Job:
    W = work.table.copy()
    return Job(lambda i: step(W, i), lambda: W)


def test_a_step_that_skips_work_has_no_figure(work: Work) -> None:
    def lazy() -> Job:  # leaves the rows alone that the batch does not hold
        optimizer = AdamW(work.table)

        def step(W: np.ndarray, i: int) -> None:
            idx, targets = work.batches[i % 3]
            before = W.copy()
            optimizer.step(W, pair_counts.loss_and_gradient(W, idx, targets)[1])
            absent = np.setdiff1d(np.arange(V), idx)
            W[absent] = before[absent]

        return job_of(step, work)

    def stops(after: int) -> Job:
        job = numpy_forms.step(work, "numpy-add-at")
        run = job.run
        return Job(lambda i: run(i) if i < after else None, job.result)

    check = gates.trained(work)
    outcomes = measured(
        {
            "right": lambda: numpy_forms.step(work, "numpy-pair-counts"),
            "nothing": lambda: job_of(lambda W, i: None, work),
            "lazy": lazy,
            "stops": lambda: stops(12),
        },
        lambda name, W, calls: check("numpy-add-at", W, calls),
    )
    assert_measured(outcomes["right"])
    for name in ("nothing", "lazy", "stops"):
        assert isinstance(outcomes[name].problem, AssertionError), name
        assert outcomes[name].seconds == [], name


def test_a_stale_gradient_has_no_figure(work: Work) -> None:
    def stale() -> Job:  # the first batch's gradient for all
        first = cross_entropy.loss_and_gradient(work.table, *work.batches[0])
        return interleave.last_result(lambda i: first)

    check = gates.loss_and_gradient(work)
    outcomes = measured(
        {"right": lambda: numpy_forms.gradient(work, "numpy-add-at"), "stale": stale},
        lambda name, result, calls: check("numpy-add-at", result, calls),
    )
    assert_measured(outcomes["right"])
    assert isinstance(outcomes["stale"].problem, AssertionError)
    assert outcomes["stale"].seconds == []


def test_a_wrong_gradient_has_no_figure(work: Work) -> None:
    check = gates.loss_and_gradient(work)
    for i, batch in enumerate(work.batches):
        loss, dW = cross_entropy.loss_and_gradient(work.table, *batch)
        check("numpy-add-at", (loss, dW), i + 1)
        for wrong in (
            (loss, dW * 1.0001),
            (loss + 1e-4, dW),
            cross_entropy.loss_and_gradient(work.table, *work.batches[i - 1]),
        ):
            with pytest.raises(AssertionError):
                check("numpy-add-at", wrong, i + 1)


def test_a_failed_compiler_is_skipped_and_any_other_error_fails(work: Work) -> None:
    def unavailable() -> Job:
        raise Unavailable("the compiler says no")

    def broken() -> Job:
        raise ValueError("a mistake of ours")

    outcomes = measured({"unavailable": unavailable, "broken": broken}, gates.trained(work))
    assert outcomes["unavailable"].unavailable == "the compiler says no"
    assert outcomes["unavailable"].problem is None
    assert isinstance(outcomes["broken"].problem, ValueError)
    assert outcomes["unavailable"].seconds == outcomes["broken"].seconds == []


def test_torch_compile_is_skipped_for_the_reason_of_its_compiler_only() -> None:
    pytest.importorskip("torch")
    from torch._dynamo.exc import BackendCompilerFailed

    from benchmarks.forms.torch_forms import compiling

    failed = BackendCompilerFailed(lambda: None, RuntimeError("no g++ here"), None)
    with pytest.raises(Unavailable, match="no g\\+\\+ here"), compiling():
        raise failed
    with pytest.raises(ValueError, match="a mistake of ours"), compiling():
        raise ValueError("a mistake of ours")


@pytest.fixture
def fresh_library() -> Iterator[None]:
    c_forms.library.cache_clear()
    yield
    c_forms.library.cache_clear()


@pytest.mark.usefixtures("fresh_library")
def test_a_c_compiler_that_is_missing_or_fails_is_the_reason_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", str(tmp_path / "no-cc"))
    with pytest.raises(Unavailable, match="there is no C compiler"):
        c_forms.library(c_forms.EXACT)
    failing = tmp_path / "cc.py"
    failing.write_text("import sys; sys.exit('error: no such flag')", encoding="utf-8")
    monkeypatch.setenv("CC", f"{sys.executable} {failing}")
    with pytest.raises(Unavailable, match="fails with status 1: error: no such flag"):
        c_forms.library(c_forms.EXACT)


@pytest.mark.parametrize("form", PEERS)
def test_each_peer_takes_the_steps_of_the_plain_form(work: Work, form: str) -> None:
    job = made(form, "step", work)
    check = gates.trained(work)
    for i in range(40):
        job.run(i)
    check(form, job.result(), 40)
    with pytest.raises(AssertionError):
        check(form, job.result(), 41)


@pytest.mark.parametrize(
    "form", ["c-per-token", "c-fast-per-token", "jax-per-token", "autograd-per-token"]
)
def test_each_peer_has_the_gradient_of_every_batch(work: Work, form: str) -> None:
    job, check = made(form, "gradient", work), gates.loss_and_gradient(work)
    for i in (0, 1, 2, 0):
        job.run(i)
        check(form, job.result(), i + 1)


@pytest.mark.parametrize("form", ["c-per-token", "c-fast-per-token", "jax-per-token"])
def test_each_peer_has_the_parts_of_the_step(work: Work, form: str) -> None:
    counts = [count_pairs(*batch, V) for batch in work.batches]
    forward, losses = made(form, "forward", work), gates.losses([work.table] * 3, counts)
    gradients = [gates.exact(work.table, C)[1].astype(np.float32) for C in counts]
    adamw, updates = made(form, "optimizer_step", work, gradients), gates.optimized(work, gradients)
    for i in range(3):
        forward.run(i)
        losses(form, forward.result(), i + 1)
        adamw.run(i)
    updates(form, adamw.result(), 3)


def made(form: str, make: str, *given: object) -> Job:
    """A peer's job, or a skip for the reason that it gives."""
    try:
        return build(form, make, *given, form)
    except Unavailable as reason:
        pytest.skip(str(reason))


def test_the_fast_loops_leave_subnormal_numbers_alone() -> None:
    try:
        library = c_forms.library(c_forms.FAST)
    except Unavailable as reason:
        pytest.skip(str(reason))
    assert isinstance(library, ctypes.CDLL)
    least = np.finfo(np.float32).smallest_subnormal
    assert np.multiply(np.full(8, 4 * least), np.float32(0.5)).tolist() == [2 * float(least)] * 8


def test_the_printed_tables_are_narrow_and_the_last_lines_say_which_rows_are_missing() -> None:
    command = [
        "-m",
        "pytest",
        "--benchmark-only",
        "-k",
        "V65-N256 and quick and gradient and numpy",
    ]
    limits = ["--benchmark-max-time=0.01", "--benchmark-min-rounds=1", "-p", "no:cacheprovider"]
    result = subprocess.run(
        [sys.executable, *command, *limits], cwd=ROOT, capture_output=True, encoding="utf-8"
    )
    assert result.returncode == 0, result.stdout
    assert "gradient[V65-N256-numpy-one-hot-quick]" in result.stdout
    said = result.stdout.partition(" left out ")[2]
    assert "rows do not match -k." in said
    assert "Contenders without any row:" in said
    assert "torch, whole step compiled" in said
    # Three columns of figures; how wide they are depends on the machine, 16 to 22 characters each.
    assert re.search(r"^Name \(time in \ws\) +Median +IQR +Rounds *$", result.stdout, re.MULTILINE)
    assert max(len(f"gradient[{shape.id}-{form}]") for shape in SHAPES for form in STEP) <= 50
