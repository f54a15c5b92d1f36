"""Proves that ``tools/machines.py`` makes the machines that it names, and that it loses no failure
on one."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tools import machines
from tools.machines import MACHINES, NotHereError, Run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path, seed=7)


def processor(
    monkeypatch: pytest.MonkeyPatch, has: str, dispatch: str, blas: str = "scipy-openblas"
) -> None:
    """This processor, and the instruction sets that NumPy can leave out."""
    names = {*has.split(), *dispatch.split()}
    found = {
        "has": {name: name in has.split() for name in names},
        "dispatch": dispatch.split(),
        "blas": blas,
    }
    monkeypatch.setattr(machines, "features", lambda python: found)


@pytest.mark.parametrize(
    ("has", "dispatch", "without_avx512", "without_all"),
    [  # NumPy 2.4, NumPy 2.0, an older processor, and Arm
        ("X86_V2 X86_V3 X86_V4 AVX2", "X86_V3 X86_V4 AVX512_SPR", "X86_V4", "X86_V3 X86_V4"),
        (
            "SSE2 SSE41 AVX2 AVX512F",
            "SSE41 AVX2 AVX512F AVX512_KNL",
            "AVX512F",
            "SSE41 AVX2 AVX512F",
        ),
        ("SSE2 SSE41 AVX2", "SSE41 AVX2 AVX512F", "", "SSE41 AVX2"),
        ("ASIMD ASIMDHP", "ASIMDHP SVE", None, "ASIMDHP"),
    ],
)
def test_numpy_is_told_names_of_its_own_that_the_processor_has(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    has: str,
    dispatch: str,
    without_avx512: str | None,
    without_all: str,
) -> None:
    processor(monkeypatch, has, dispatch)
    machines.baseline(run)
    assert run.environment["NPY_DISABLE_CPU_FEATURES"] == without_all
    if without_avx512 is None:
        with pytest.raises(NotHereError, match="no AVX2"):
            machines.avx2(run)
    else:
        machines.avx2(run)
        assert run.environment["NPY_DISABLE_CPU_FEATURES"] == without_avx512


@pytest.mark.slow
def test_numpy_and_torch_then_do_without_them(run: Run) -> None:
    machines.baseline(run)
    code = (
        "from numpy._core._multiarray_umath import __cpu_dispatch__ as names, __cpu_features__ as "
        "has\n"
        "print([name for name in names if has[name]])"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    assert subprocess.check_output(command, env=run.environment, text=True) == "[]\n"
    pytest.importorskip("torch")
    command = [sys.executable, "-c", "import torch; print(torch.backends.cpu.get_cpu_capability())"]
    assert subprocess.check_output(command, env=run.environment, text=True) == "DEFAULT\n"


def test_openblas_is_asked_for_no_more_than_is_there(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    processor(monkeypatch, "AVX2", "AVX512_SKX")
    machines.haswell(run)
    assert run.environment["OPENBLAS_CORETYPE"] == "Haswell"
    with pytest.raises(NotHereError, match="this processor has no AVX512_SKX"):
        machines.skylakex(run)
    processor(monkeypatch, "AVX2", "AVX512_SKX", blas="accelerate")
    with pytest.raises(NotHereError, match="this NumPy uses accelerate"):
        machines.haswell(run)


def test_the_machine_elsewhere_has_no_home_folder(run: Run) -> None:
    machines.elsewhere(run)
    assert list(run.folder.iterdir()) == []
    code = "import pathlib; (pathlib.Path.home() / '.cache').mkdir(parents=True)"
    made = subprocess.run(
        [sys.executable, "-c", code], env=run.environment, stderr=subprocess.PIPE, text=True
    )
    assert "Error: " in made.stderr.splitlines()[-1]
    assert "BIGRAM_DATA_DIR" not in run.environment


def test_neighbours_end_with_the_tests() -> None:
    with machines.busy(2) as processes:
        assert [process.poll() for process in processes] == [None, None]
    assert all(process.poll() is not None for process in processes)


def pytest_that(printed: str, status: int | None) -> Callable[..., Any]:
    """In place of ``subprocess.run``: pytest prints this and ends with that status; None: it
    hangs."""

    def run(command: list[str], stdout: Any, **options: Any) -> subprocess.CompletedProcess[bytes]:
        stdout.write(printed.encode())
        if status is None:
            raise subprocess.TimeoutExpired(command, options["timeout"])
        return subprocess.CompletedProcess(command, status)

    return run


@pytest.mark.parametrize(
    ("printed", "status", "line"),
    [
        (
            "E assert\n1 failed, 20 passed, 3 skipped, 4 deselected in 9.1s (0:00:09)",
            1,
            "20 passed 1 failed 3",
        ),
        ("E import\n2 errors in 1.1s", 2, "0 passed 2 failed 0"),
        ("E import\n1 passed, 1 error in 1.1s", 1, "1 passed 1 failed 0"),
        ("Fatal Python error: Aborted", -6, "0 passed 1 failed 0"),
        ("no tests ran in 0.1s", 5, "0 passed 1 failed 0"),
        ("....", None, "0 passed 1 failed 0"),
    ],
)
def test_whatever_goes_wrong_is_a_failure(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    printed: str,
    status: int | None,
    line: str,
) -> None:
    monkeypatch.setattr(subprocess, "run", pytest_that(printed, status))
    assert machines.main(["here"]) == 1
    said = capsys.readouterr().out
    assert " ".join(said.splitlines()[0].split()).startswith(f"here {line} skipped")
    assert printed in said


def test_each_machine_has_a_line_and_one_that_is_not_here_its_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(subprocess, "run", pytest_that("5 passed, 1 skipped in 1.1s", 0))
    processor(monkeypatch, "", "")
    names = ["here", "plain", "random", "avx2", "haswell", "skylakex", "baseline"]
    assert machines.main([*names, "--seed", "7"]) == 0
    lines = {
        line.split()[0]: " ".join(line.split()) for line in capsys.readouterr().out.splitlines()
    }
    assert set(lines) == set(names)
    assert lines["here"] == "here 5 passed 0 failed 1 skipped 0 s as it is"
    assert lines["random"].endswith("; --seed 7")
    assert lines["avx2"] == "avx2 not simulated: this processor has no AVX2"


def test_the_product_has_every_machine_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert machines.main(["--full", "--list"]) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert len(names) == len(set(names)) == 60
    traits = {trait for machine in machines.full().values() for trait in machine.traits}
    assert traits >= {trait for machine in MACHINES.values() for trait in machine.traits} - {
        machines.one_thread
    }
    with pytest.raises(SystemExit, match="2"):
        machines.main(["no_such_machine"])
