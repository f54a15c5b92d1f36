"""Proves that the pages on speed and cost are what the report makes of the committed rounds, that the
formulas of docs/cost.md hold for the code, and that the gates of the benchmarks stop whatever skips work."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.forms import numpy_forms
from benchmarks.harness import gates, interleave
from benchmarks.harness.work import Work
from benchmarks.report import counting, pages
from benchmarks.report.counting import FORMULAS, Counted, counted
from common.config import Config
from common.training import initial_table
from impl_numpy import cross_entropy, pair_counts
from impl_numpy.adamw import AdamW
from impl_numpy.fast.adamw import FastAdamW
from impl_numpy.fast.large_vocab import rows_of_gradient
from impl_numpy.fast.pair_counts import PairCounts
from tests.kit import ROOT

RESULTS = sorted((ROOT / "benchmarks" / "results").glob("*.json"))


@pytest.fixture(scope="module")
def results() -> pages.Results:
    (path,) = RESULTS
    return pages.load(path)


@pytest.mark.parametrize("name", pages.PAGES)
def test_the_pages_are_what_the_report_makes(results: pages.Results, name: str) -> None:
    text = (pages.DOCS / name).read_text(encoding="utf-8")
    assert pages.page(text, results) == text
    assert set(re.findall(r"<!-- begin: (.+?) -->", text)) <= set(pages.BLOCKS)


def test_every_block_stands_on_a_page() -> None:
    text = "".join((pages.DOCS / name).read_text(encoding="utf-8") for name in pages.PAGES)
    assert set(re.findall(r"<!-- begin: (.+?) -->", text)) == set(pages.BLOCKS)


def test_the_figures_are_what_the_report_draws(results: pages.Results) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    from benchmarks.report import figures

    folder = pages.DOCS / "figures"
    drawn = figures.draw(results)
    for name, data in drawn.items():
        there = (folder / name).read_bytes()
        made_with = re.search(rb"Matplotlib v([\d.]+)", there)
        assert made_with
        if made_with[1].decode() != matplotlib.__version__:
            pytest.skip(f"drawn with matplotlib {made_with[1].decode()}")
        assert data == there, name
    assert figures.draw(results) == drawn


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.name)
def test_what_is_published_names_no_host_user_or_folder(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r'"(node|user|branch|project|fullname)"|/(home|tmp|work|root|Users)/', text)


def test_the_report_says_in_one_line_what_it_cannot_read(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    path = tmp_path / "results.json"
    for content, said in (
        (None, "cannot read"),
        ("{", "not JSON"),
        ("[]", "not a result of this suite"),
        (json.dumps({"benchmarks": [], "machine_info": {"node": "x"}}), "not a result of this suite"),
        (json.dumps({"suite": pages.SUITE, "machine_info": {}}), "lacks 'commit_info'"),
    ):
        if content is not None:
            path.write_text(content, encoding="utf-8")
        assert pages.main([str(path)]) == 2
        printed = capsys.readouterr().err
        assert printed.startswith("benchmarks.report.pages: ")
        assert said in printed
        assert printed.count("\n") == 1
    assert pages.main([]) == 2


def row(backend: str, median: float, q1: float, q3: float, rounds: int = 9) -> pages.Row:
    form = pages.Form(f"{backend}, x", backend, "per token")
    return pages.Row("step", "step", "x", form, 65, 256, median, q1, q1, q3, rounds, {})


def test_bold_is_for_the_faster_one_where_the_spreads_are_apart() -> None:
    slow = row("torch", 3.0, 2.5, 3.5)
    assert pages.pair(row("NumPy", 1.0, 0.9, 1.1), slow) == [
        "**1.00 s (900 ms to 1.10 s)**",
        "3.00 s (2.50 s to 3.50 s)",
        "3.0×",
    ]
    for tie in (row("NumPy", 2.0, 1.5, 2.5), row("NumPy", 1.0, 1.0, 1.0, rounds=1)):
        assert "**" not in "".join(pages.pair(tie, slow))
    assert pages.pair(None, slow)[2] == "–"


def test_crossovers_are_where_the_lines_cross() -> None:
    pytest.importorskip("matplotlib")
    from benchmarks.report.figures import crossovers

    def line(times: list[float]) -> list[pages.Row]:
        rows = zip((100, 10_000), times, strict=True)
        return [row("NumPy", t, t, t)._replace(tokens=tokens) for tokens, t in rows]

    ((place, time),) = crossovers(line([1.0, 1.0]), line([0.1, 10.0]), "tokens")
    assert place == pytest.approx(1000)
    assert time == pytest.approx(1)
    assert crossovers(line([1.0, 1.0]), line([2.0, 10.0]), "tokens") == []
    wide = [point._replace(q1=0.01) for point in line([0.1, 10.0])]
    assert crossovers(line([1.0, 1.0]), wide, "tokens") == []  # perhaps it never was above


@pytest.mark.parametrize(("V", "B"), [(65, 32), (128, 512), (300, 2)])
def test_the_formulas_are_what_the_code_does(V: int, B: int, rng: np.random.Generator) -> None:
    N = 8 * B
    W = rng.standard_normal((V, V)).astype(np.float32)
    idx, targets = rng.integers(V, size=(2, B, 8))
    rows = np.unique(idx)
    dW = np.ones((V, V), np.float32)

    def adamw(step: Callable[[Any, np.ndarray], object]) -> Callable[..., object]:
        def run(W: np.ndarray) -> None:
            optimizer: Any = FastAdamW(W)
            for name in ("_term", "_denominator", "_gradient"):
                setattr(optimizer, name, getattr(optimizer, name).view(Counted))
            step(optimizer, W)

        return run

    runs = {
        "per token, np.add.at": lambda W: cross_entropy.loss_and_gradient(W, idx, targets),
        "pair counts": lambda W: PairCounts(W).loss_and_gradient(W, idx, targets),
        "pair counts of the rows that occur": lambda W: rows_of_gradient(W, idx, targets),
        "AdamW": adamw(lambda optimizer, W: optimizer.step(W, dW)),
    }
    if len(rows) < V / 3:  # otherwise all passes go over all rows, as above
        runs["AdamW of the rows that occur"] = adamw(
            lambda optimizer, W: optimizer.step_rows(W, rows, dW[rows])
        )
    for form, run in runs.items():
        books = counted(run, W)
        for kind, formula in FORMULAS[form].items():
            expected = counting.value(formula, N, V, len(rows))
            assert 0 <= books[kind] - expected <= 60 * (N + V), (form, kind)  # what grows with these alone


def job_of(step: Callable[[np.ndarray, int], object], work: Work) -> interleave.Job:
    W = work.table.copy()
    return interleave.Job(lambda i: step(W, i), lambda: W)


def test_a_contender_that_skips_work_has_no_figure(rng: np.random.Generator) -> None:
    config = Config(batch_size=4)
    V = 11
    batches = [tuple(rng.integers(V - 1, size=(2, 4, 8))) for _ in range(3)]
    work = Work(initial_table(V, "float32", rng), batches, config)

    def lazy() -> interleave.Job:  # leaves rows alone that the batch does not hold
        optimizer = AdamW(work.table)

        def step(W: np.ndarray, i: int) -> None:
            idx, targets = batches[i % 3]
            before = W.copy()
            optimizer.step(W, pair_counts.loss_and_gradient(W, idx, targets)[1])
            absent = np.setdiff1d(np.arange(V), idx)
            W[absent] = before[absent]

        return job_of(step, work)

    def stops(after: int) -> interleave.Job:
        job = numpy_forms.step(work, "numpy-add-at")
        run = job.run
        return interleave.Job(lambda i: run(i) if i < after else None, job.result)

    def absent() -> interleave.Job:
        raise interleave.Unavailable("no such device")

    group = interleave.Group(
        {
            "right": lambda: numpy_forms.step(work, "numpy-pair-counts"),
            "by rows": lambda: numpy_forms.step(work, "numpy-rows"),
            "nothing": lambda: job_of(lambda W, i: None, work),
            "lazy": lazy,
            "stops": lambda: stops(12),
            "absent": absent,
        },
        gates.trained(work),
        inputs=3,
        seconds=0.05,
    )
    outcomes = interleave.measure(group, fewest_rounds=5)
    for name in ("right", "by rows"):
        assert outcomes[name].problem is None
        assert len(outcomes[name].seconds) >= 5
        assert min(outcomes[name].seconds) > 0
    for name in ("nothing", "lazy", "stops"):
        assert isinstance(outcomes[name].problem, AssertionError), name
    assert outcomes["absent"].unavailable == "no such device"


def test_a_wrong_gradient_has_no_figure(rng: np.random.Generator) -> None:
    V = 11
    batches = [tuple(rng.integers(V, size=(2, 4, 8))) for _ in range(3)]
    work = Work(initial_table(V, "float32", rng), batches, Config(batch_size=4))
    check = gates.loss_and_gradient(work)
    for i, batch in enumerate(batches):
        loss, dW = cross_entropy.loss_and_gradient(work.table, *batch)
        check("numpy-add-at", (loss, dW), i + 1)
        for wrong in (
            (loss, dW * 1.0001),
            (loss + 1e-4, dW),
            cross_entropy.loss_and_gradient(work.table, *batches[i - 1]),
        ):
            with pytest.raises(AssertionError):
                check("numpy-add-at", wrong, i + 1)
