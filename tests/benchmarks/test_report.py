"""Proves that the pages on speed and cost are made from the committed rounds of every machine, and
that a broken file of rounds gives one line of explanation."""

import doctest
import json
import os
import re
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from benchmarks import __main__ as benchmarks_command
from benchmarks.harness import machine
from benchmarks.harness.work import SHAPES, SUITE, Form
from benchmarks.report import pages
from benchmarks.report.__main__ import main
from benchmarks.report.pages import DOCS
from benchmarks.report.results import FOLDER, Results, Row, published

FILES = sorted(FOLDER.glob("*.json"))


@pytest.fixture(scope="module")
def runs() -> list[Results]:
    return published()


def test_the_pages_are_made_from_the_committed_rounds(runs: list[Results]) -> None:
    made = pages.made_anew(runs)
    assert [path.name for path in made] == list(pages.PAGES)
    for path, data in made.items():
        assert data.decode("utf-8") == path.read_text(encoding="utf-8"), path.name


def test_every_block_stands_on_a_page() -> None:
    text = "".join((DOCS / name).read_text(encoding="utf-8") for name in pages.PAGES)
    assert set(re.findall(r"<!-- begin: (.+?) -->", text)) == set(pages.BLOCKS)


def test_every_machine_is_on_every_page(runs: list[Results]) -> None:
    for name in ("speed.md", "cost.md"):
        text = (DOCS / name).read_text(encoding="utf-8")
        assert all(run.name in text for run in pages.one_thread(runs))


@pytest.mark.slow
def test_the_figures_are_drawn_from_the_committed_rounds(runs: list[Results]) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    from benchmarks.report import figures

    drawn = figures.draw(runs)
    for name, data in drawn.items():
        there = (DOCS / "figures" / name).read_bytes()
        made_with = re.search(rb"Matplotlib v([\d.]+)", there)
        assert made_with
        if made_with[1].decode() != matplotlib.__version__:
            pytest.skip(f"drawn with matplotlib {made_with[1].decode()}")
        assert data == there, name
    assert figures.draw(runs) == drawn


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_result_names_no_host_user_or_folder(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(
        r'"(node|user|branch|project|fullname)"|/(home|tmp|work|root|Users)/', text
    )


def test_an_unreadable_result_gives_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "results.json"
    for content, said in (
        (None, "cannot read"),
        ("{", "not JSON"),
        ("[]", "not a result of this suite"),
        (
            json.dumps({"benchmarks": [], "machine_info": {"node": "x"}}),
            "not a result of this suite",
        ),
        (json.dumps({"suite": SUITE}), "lacks 'machine_info'"),
        (json.dumps({"suite": SUITE, "machine_info": {}}), "lacks 'threads'"),
    ):
        if content is not None:
            path.write_text(content, encoding="utf-8")
        assert main([str(path)]) == 2
        printed = capsys.readouterr().err
        assert printed.startswith("benchmarks.report: ")
        assert said in printed
        assert printed.count("\n") == 1


@pytest.mark.parametrize("module", [pages, machine])
def test_the_examples_in_docstrings_are_true(module: ModuleType) -> None:
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0


def test_one_command_measures_one_thread_and_all_cores_and_writes_the_pages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[tuple[str, list[str]]] = []
    reports: list[list[str]] = []

    def pretend(command: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
        made.append((env["OMP_NUM_THREADS"], command[2:]))
        return subprocess.CompletedProcess(command, 0)

    def report(argv: list[str]) -> int:
        reports.append(argv)
        return 0

    monkeypatch.setattr(subprocess, "run", pretend)
    monkeypatch.setattr(benchmarks_command, "report", report)
    monkeypatch.setattr(machine, "processor", lambda: "Some CPU (R) 9")
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    assert benchmarks_command.main([]) == 0
    assert [threads for threads, _ in made] == ["1", "4"]
    assert f"--benchmark-json={FOLDER / 'some-cpu-9.json'}" in made[0][1]
    assert f"--benchmark-json={FOLDER / 'some-cpu-9-all-cores.json'}" in made[1][1]
    assert all("--benchmark-only" in words for _, words in made)
    assert reports == [[]]

    monkeypatch.setattr(machine, "hardware", lambda: {"accelerator": "A Card"})
    assert benchmarks_command.main(["--gpu"]) == 0
    assert f"--benchmark-json={FOLDER / 'a-card.json'}" in made[2][1]
    monkeypatch.setattr(machine, "hardware", dict)
    assert benchmarks_command.main(["--gpu"]) == 2
    assert benchmarks_command.main(["--all"]) == 2
    assert len(made) == 3


def test_the_readme_block_is_short(runs: list[Results]) -> None:
    assert pages.readme(runs).count("\n") <= 10


def test_the_claims_of_the_readme_hold_on_every_machine(runs: list[Results]) -> None:
    text = " ".join((DOCS.parent / "README.md").read_text(encoding="utf-8").split())
    assert (
        f"Token by token NumPy loses to torch's fastest form at all {len(SHAPES)} shapes." in text
    )
    assert "ahead of torch's best up to V = 256, behind it at V = 1,024, and ahead again" in text
    assert "it is ahead of NumPy at each size in the table" in text
    for run in pages.one_thread(runs):
        for shape in SHAPES:
            at = pages.at_shape(shape)
            ours, theirs = (
                run.best("step", backend=backend, algorithm="per token", **at)
                for backend in ("NumPy", "torch")
            )
            assert ours
            assert theirs
            assert theirs.median < ours.median, shape
        for shape in SHAPES:
            at = pages.at_shape(shape)
            ours, torchs, jaxs = (
                pages.best_of(run, side, at) for side in ("NumPy", "torch", "JAX")
            )
            assert ours
            assert torchs
            assert jaxs
            assert (ours.median < torchs.median) == (shape.vocab_size != 1024), shape
            assert jaxs.median < ours.median or shape not in pages.README_SHAPES, shape


def result(*rows: dict, processor: str = "One", threads: int = 1) -> Results:
    """A result with these rows of the training step at V = 65 and 256 tokens."""
    machine = {"processor": processor, "cores": 2, "threads": threads}
    benchmarks = [
        {
            "group": "step",
            "extra_info": {"operation": "step", "vocab_size": 65, "tokens": 256, **row["extra"]},
            "stats": dict.fromkeys(("median", "min", "q1", "q3"), row["seconds"]) | {"rounds": 9},
        }
        for row in rows
    ]
    record = {
        "suite": SUITE,
        "machine_info": machine,
        "datetime": "2026-01-01T",
        "benchmarks": benchmarks,
    }
    return Results(record)


def step(form: str, seconds: float, **extra: object) -> dict:
    return {"extra": {"form": form, **extra}, "seconds": seconds}


def test_every_machine_has_a_table_and_all_cores_stand_beside_one() -> None:
    rows = [step("numpy-step", 40e-6), step("torch-fused", 80e-6)]
    runs = [
        result(*rows),
        result(*rows, processor="Two"),
        result(step("numpy-step", 30e-6), threads=2),
    ]
    block = pages.BLOCKS["step, best of each side"](runs)
    assert block.count("| V = 65, 256 tokens | **40.0 µs**") == 2
    assert "One, 2 cores, 1 thread:" in block
    assert "Two, 2 cores, 1 thread:" in block
    assert "2 threads" not in block
    cores = pages.all_cores(runs)
    assert "| V = 65, 256 tokens | 40.0 µs | 30.0 µs | 80.0 µs |" in cores
    assert "NumPy, 1 thread | NumPy, 2 threads | torch, 1 thread |" in cores


def test_a_card_has_its_own_page_only() -> None:
    card = result(step("cuda-graph-latency", 9e-6), step("numpy-step", 40e-6))
    card.machine["accelerator"] = "Some card"
    assert pages.one_thread([card]) == []
    assert "Some card, beside One:" in pages.cards([card])
    assert "torch on cuda, graph, latency | 9.00 µs" in pages.cards([card])
    assert "No card has been measured" in pages.cards([])


def row(backend: str, median: float, q1: float, q3: float, rounds: int = 9) -> Row:
    form = Form(f"{backend}, x", backend, "per token")
    return Row("step", "step", "x", form, 65, 256, median, q1, q1, q3, rounds, {})


def test_bold_is_for_the_fastest_where_the_spreads_are_apart() -> None:
    slow = row("torch", 3.0, 2.5, 3.5)
    assert pages.compared([row("NumPy", 1.0, 0.9, 1.1), slow, None]) == [
        "**1.00 s**",
        "3.00 s",
        "–",
    ]
    for tie in (row("NumPy", 2.0, 1.5, 2.5), row("NumPy", 1.0, 1.0, 1.0, rounds=1)):
        assert "**" not in "".join(pages.compared([tie, slow]))
    assert pages.compared([slow, None]) == ["3.00 s", "–"]  # alone it is faster than nothing


def test_crossovers_are_where_the_lines_cross() -> None:
    pytest.importorskip("matplotlib")
    from benchmarks.report.figures import crossovers

    def line(times: list[float]) -> list[Row]:
        rows = zip((100, 10_000), times, strict=True)
        return [row("NumPy", t, t, t)._replace(tokens=tokens) for tokens, t in rows]

    ((place, time),) = crossovers(line([1.0, 1.0]), line([0.1, 10.0]), "tokens")
    assert place == pytest.approx(1000)
    assert time == pytest.approx(1)
    assert crossovers(line([1.0, 1.0]), line([2.0, 10.0]), "tokens") == []
    wide = [point._replace(q1=0.01) for point in line([0.1, 10.0])]
    assert crossovers(line([1.0, 1.0]), wide, "tokens") == []  # perhaps it never was above
