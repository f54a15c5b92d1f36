"""One thread, pinned before NumPy and torch are imported; the fixtures of every benchmark; and a JSON that
names the machine, and no host, folder or branch."""

import os
import sys
from collections.abc import Callable
from typing import Any

import pytest

# On a step this small a second thread gains nothing, and on busy cores it waits for the first.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
if "numpy" not in sys.modules:  # too late otherwise; tests/conftest.py has then done the same
    for variable in THREADS:
        os.environ.setdefault(variable, "1")
os.environ.setdefault("TORCHINDUCTOR_FORCE_DISABLE_CACHES", "1")  # what is noted as compile time is one

from benchmarks.harness import interleave, machine, work  # noqa: E402
from common.text.corpus import Corpus, load_corpus  # noqa: E402


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
    """``row(make_group, group_name, form)``: one row of a group. The first row asked for has all selected
    rows of its group measured, round by round in turn; each then tells pytest-benchmark of its own rounds.
    ``--benchmark-max-time`` (1) scales the time for every group, ``--benchmark-min-rounds`` (5) holds."""

    def params(item: pytest.Item) -> tuple[str, dict[str, Any]]:
        callspec = item.callspec.params
        return item.originalname, {key: value for key, value in callspec.items() if key != "form"}

    def add(make_group: Callable[[], interleave.Group], name: str, form: str) -> None:
        if name not in measured:
            group = make_group()
            items = [item for item in request.session.items if hasattr(item, "callspec")]
            wanted = {i.callspec.params["form"] for i in items if params(i) == params(request.node)}
            group.jobs = {form: build for form, build in group.jobs.items() if form in wanted}
            group.seconds *= float(request.config.getoption("benchmark_max_time"))
            measured[name] = interleave.measure(group, request.config.getoption("benchmark_min_rounds"))
        outcome = measured[name][form]
        if outcome.unavailable:
            pytest.skip(outcome.unavailable)
        if outcome.problem:
            raise outcome.problem
        benchmark.group = name
        operation = request.node.originalname.removeprefix("test_")
        benchmark.extra_info |= {"operation": operation, "form": form, "device": work.FORMS[form].device}
        benchmark.extra_info |= {
            "processor": machine.processor(),
            **machine.software(),
            "corpus": corpus.name,
        }
        benchmark.extra_info |= outcome.info
        interleave.replay(benchmark, outcome.seconds)

    return add


def pytest_benchmark_generate_machine_info() -> dict[str, Any]:
    """In place of pytest-benchmark's, which holds the name of the host."""
    return machine.hardware() | machine.software()


def pytest_benchmark_update_commit_info(commit_info: dict[str, Any]) -> None:
    for key in set(commit_info) - {"id", "dirty"}:
        del commit_info[key]


def pytest_benchmark_update_json(output_json: dict[str, Any]) -> None:
    """Only what the report needs: the rounds themselves and what was measured."""
    output_json["suite"] = work.SUITE
    for bench in output_json["benchmarks"]:
        bench["stats"]["data"] = [float(f"{seconds:.6g}") for seconds in bench["stats"]["data"]]
        for key in set(bench) - {"group", "name", "extra_info", "stats"}:
            del bench[key]
        for key in set(bench["stats"]) - {"min", "median", "q1", "q3", "rounds", "data"}:
            del bench["stats"][key]
