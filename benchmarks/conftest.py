"""Threads, pinned before NumPy and torch are imported; the fixtures of every benchmark; and a JSON
that names the machine, and no host, folder or branch."""

import os
import sys
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import pytest

# One thread unless OMP_NUM_THREADS says otherwise, for every library alike. tests/conftest.py does
# the same, and may have been first.
THREADS = os.environ.setdefault("OMP_NUM_THREADS", "1")
if "numpy" not in sys.modules:  # too late otherwise
    for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
        os.environ.setdefault(variable, THREADS)
os.environ.setdefault("NPROC", THREADS)  # the threads of JAX
os.environ.setdefault("JAX_PLATFORMS", "cpu")
if THREADS == "1":
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
# or the compile time would be a lookup's
os.environ.setdefault("TORCHINDUCTOR_FORCE_DISABLE_CACHES", "1")

from benchmarks.harness import interleave, machine, work  # noqa: E402
from common.text.corpus import Corpus, load_corpus  # noqa: E402

LEFT_OUT = pytest.StashKey[list[Any]]()


def rows_of(items: Sequence[Any]) -> list[Any]:
    """The benchmarks among these tests."""
    return [item for item in items if "row" in getattr(item, "fixturenames", ())]


def forms_of(rows: list[Any]) -> set[str]:
    """The contenders of these rows."""
    return {row.callspec.params["form"] for row in rows}


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """``pytest`` alone collects no benchmark; the tests have the opposite."""
    return None if config.getoption("benchmark_only") else True


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    """Tiny Shakespeare, or the surrogate with its pair counts; every row says which."""
    return load_corpus()


@pytest.fixture(scope="session")
def measured() -> dict[str, dict[str, interleave.Outcome]]:
    """The groups measured so far."""
    return {}


@pytest.fixture
def row(
    benchmark: Any,
    request: pytest.FixtureRequest,
    measured: dict[str, dict[str, interleave.Outcome]],
    corpus: Corpus,
) -> Callable[[Callable[[], interleave.Group], str, str], None]:
    """``row(make_group, group_name, form)``: one row of a group. The first row measures all
    selected rows of its group, round by round in turn; each then reports its own rounds to
    pytest-benchmark. ``--benchmark-max-time`` (1) scales the time of every group,
    ``--benchmark-min-rounds`` (5) holds."""

    def group_of(item: Any) -> tuple[str, dict[str, Any]]:
        return item.originalname, {
            key: value for key, value in item.callspec.params.items() if key != "form"
        }

    def add(make_group: Callable[[], interleave.Group], name: str, form: str) -> None:
        if name not in measured:
            group = make_group()
            rows = [
                i for i in rows_of(request.session.items) if group_of(i) == group_of(request.node)
            ]
            forms = [item.callspec.params["form"] for item in rows]
            group.seconds *= float(request.config.getoption("benchmark_max_time"))
            fewest_rounds = request.config.getoption("benchmark_min_rounds")
            measured[name] = interleave.measure(group, forms, fewest_rounds)
        outcome = measured[name][form]
        if outcome.unavailable:
            pytest.skip(outcome.unavailable)
        if outcome.problem:
            raise outcome.problem
        benchmark.group = name
        operation = request.node.originalname.removeprefix("test_")
        benchmark.extra_info |= {"operation": operation, "form": form, "corpus": corpus.name}
        benchmark.extra_info |= outcome.info
        interleave.replay(benchmark, outcome.seconds)

    return add


def pytest_itemcollected(item: pytest.Item) -> None:
    """pytest-benchmark reads the time of every row from the clock of ``interleave.replay``."""
    item.add_marker(pytest.mark.benchmark(timer=interleave.CLOCK))


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Keeps the rows that ``-k`` leaves out."""
    for item in rows_of(items):
        item.config.stash.setdefault(LEFT_OUT, []).append(item)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Lists the contenders that ``-k`` left out, so that no table looks complete without them."""
    left_out = config.stash.get(LEFT_OUT, [])
    if not left_out or not config.getoption("benchmark_only"):
        return
    kept = rows_of(terminalreporter._session.items)
    absent = forms_of(left_out) - forms_of(kept)
    labels = [
        form.label for name, form in work.FORMS.items() if name in absent and form.device == "cpu"
    ]
    terminalreporter.section("left out")
    terminalreporter.write_line(
        f"{len(left_out):,} of {len(left_out) + len(kept):,} rows do not match -k."
    )
    if labels:
        terminalreporter.write_line(
            textwrap.fill(f"Contenders without any row: {'; '.join(labels)}.", 100)
        )


def pytest_benchmark_generate_machine_info() -> dict[str, Any]:
    """In place of pytest-benchmark's, which holds the name of the host."""
    return machine.hardware() | machine.software()


def pytest_benchmark_update_commit_info(commit_info: dict[str, Any]) -> None:
    for key in set(commit_info) - {"id", "dirty"}:
        del commit_info[key]


def pytest_benchmark_update_json(output_json: dict[str, Any]) -> None:
    """Keeps the rounds themselves and their names: the report needs no more."""
    output_json["suite"] = work.SUITE
    for bench in output_json["benchmarks"]:
        bench["stats"]["data"] = [float(f"{seconds:.6g}") for seconds in bench["stats"]["data"]]
        for key in set(bench) - {"group", "name", "extra_info", "stats"}:
            del bench[key]
        for key in set(bench["stats"]) - {"min", "median", "q1", "q3", "rounds", "data"}:
            del bench["stats"][key]
