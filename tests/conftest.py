"""Fixtures of several test files: corpora that need no network, long runs made once, the command
line in this process, and a seeded generator. And the chapter of each test."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Before NumPy and torch are imported, here and in every process that a test starts: on a step this
# small a second thread gains nothing, and on busy cores it waits for the first at every operation.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

# A shell that runs the tests in the background has Ctrl-C ignored, and so would every process that
# a test starts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

import hypothesis  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402

from common.config import Config  # noqa: E402
from common.text.corpus import FILE, Corpus, load_corpus, surrogate_corpus  # noqa: E402

# No example is judged by its time, and in continuous integration all are the same every time.
hypothesis.settings.register_profile("house", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("house")


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """``pytest --benchmark-only`` collects no test; the benchmarks have the opposite."""
    return True if config.getoption("benchmark_only") else None


@pytest.fixture(scope="session")
def surrogate() -> Corpus:
    return surrogate_corpus()


@pytest.fixture(scope="session")
def shakespeare() -> Corpus:
    folder = os.environ.get("BIGRAM_DATA_DIR")
    if not folder or not (Path(folder) / FILE).exists():
        pytest.skip(f"no {FILE} in $BIGRAM_DATA_DIR")
    return load_corpus()


@pytest.fixture(params=["shakespeare", "surrogate"])
def corpus(request: pytest.FixtureRequest) -> Corpus:
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["at hand", pytest.param("surrogate", marks=pytest.mark.slow)])
def text_for_long_runs(request: pytest.FixtureRequest) -> Corpus:
    """Tiny Shakespeare where it is at hand, else the surrogate, which has its pair counts; for runs
    so long that the second of the two is left to ``-m slow``."""
    try:
        return request.getfixturevalue("shakespeare" if request.param == "at hand" else "surrogate")
    except pytest.skip.Exception:
        return request.getfixturevalue("surrogate")


@pytest.fixture(scope="session")
def published() -> Callable[[Corpus, str], Any]:
    """``bigram compare`` at its defaults, once for each text and dtype."""
    pytest.importorskip("torch")
    from bigram.runs.compare import compare

    results: dict[tuple[str, str], Any] = {}

    def result(corpus: Corpus, dtype: str) -> Any:
        key = (corpus.sha256, dtype)
        if key not in results:
            results[key] = compare(corpus, Config(dtype=dtype))
        return results[key]

    return result


@pytest.fixture(scope="session")
def evidence_record() -> dict[str, Any]:
    """``bigram check`` without a subject: run once."""
    pytest.importorskip("torch")
    from bigram.doctor.evidence import evidence

    return evidence()


@pytest.fixture
def bigram_here(
    capfd: pytest.CaptureFixture[str],
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a command in this process, where torch is loaded already: what it prints, and the status
    that a process would exit with. That a process does exit with it is proved in
    ``test_cli.py``."""
    from bigram.cli import main

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        capfd.readouterr()
        try:
            status: Any = main(args)
        except SystemExit as stop:  # argparse exits on bad options
            status = stop.code
        return subprocess.CompletedProcess(args, status, *capfd.readouterr())

    return run


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


# The chapter of each folder or file, longest match first: ``pytest -m gradient`` runs the tests of
# one.
CHAPTERS = {
    "agreement/test_bit_exact": "adamw",
    "agreement": "model",
    "benchmarks": "house",
    "bigram/doctor": "doctor",
    "bigram/explain": "explain",
    "bigram/runs": "runs",
    "bigram/test_bounds": "gradient",
    "bigram": "runs",
    "common/test_training": "model",
    "common": "text",
    "docs": "docs",
    "impl_numpy/fast": "model",
    "impl_numpy/test_adamw": "adamw",
    "impl_numpy": "gradient",
    "impl_torch": "runs",
    "outside": "gradient",
    "test_tiny": "gradient",
    "test_house": "house",
    "tools": "house",
}
FOLDER = Path(__file__).parent


def chapter_of(path: Path) -> str:
    """The chapter of a test file. Raises ``StopIteration`` where none is named above."""
    name = path.relative_to(FOLDER).as_posix()
    return CHAPTERS[
        next(key for key in sorted(CHAPTERS, key=len, reverse=True) if name.startswith(key))
    ]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(FOLDER):
            item.add_marker(chapter_of(item.path))
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")
    if "slow" not in config.option.markexpr:  # not by -m in addopts: -m gradient would replace it
        slow = [item for item in items if item.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in set(slow)]
