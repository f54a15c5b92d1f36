"""Proves that the documentation is true: every pasted output is what its command prints now, every
link leads somewhere, and the README's file tree is the tree."""

import itertools
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.report import pages, results
from bigram.doctor.report import evidence_report
from bigram.explain.record import explain
from bigram.explain.text import one_step
from bigram.runs.report import comparison_report
from bigram.studies import falling_loss, tolerances
from bigram.terminal import table_text
from common.text.corpus import Corpus
from tests.kit import ROOT
from tests.kit.command import bigram
from tools import refresh

PAGES = sorted(path.relative_to(ROOT) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
FIGURE = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?%?")


def words(text: str) -> str:
    """``text`` with every run of figures as one ``#``: times and last bits depend on the machine.
    So does the yes or no of a table's cell, and with it whether the row has figures under
    "where"."""
    text = FIGURE.sub("#", re.sub(r"(?<=  )(?:yes|no)(?=  )", "#", text))
    return re.sub(r"#[#, ]*", "# ", re.sub(r"[ ─]+", " ", text))


def column(text: str, heading: str) -> list[float]:
    """The numbers under ``heading``, in a table whose columns are aligned to the right."""
    lines = text.splitlines()
    top = next(i for i, line in enumerate(lines) if heading in line)
    end = lines[top].index(heading) + len(heading)
    rows = itertools.takewhile(lambda line: line.strip("` "), lines[top + 2 :])  # below the rule
    return [float(row[:end].split()[-1].rstrip("%").replace(",", "")) for row in rows]


def after(text: str, name: str) -> float:
    """The number that follows ``name``."""
    found = re.search(rf"{name} +({FIGURE.pattern})", text)
    assert found, name
    return float(found[1])


def test_each_line_of_the_mutation_page_stands_in_its_file() -> None:
    page = (ROOT / "docs" / "mutation.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\S+\.py)` \| `([^`]+)` \| `", page, re.MULTILINE)
    assert rows
    for file, line in rows:
        assert line in (ROOT / "impl_numpy" / file).read_text(encoding="utf-8"), (file, line)


def test_the_generated_parts_that_no_machine_changes_are_fresh(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert refresh.main(["--check"]) == 0, capsys.readouterr().out


def test_a_stale_part_fails_the_check(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(refresh.PARTS, "tables", lambda: {ROOT / "docs" / "edges.md": b"other"})
    assert refresh.main(["--check", "tables"]) == 1
    assert capsys.readouterr().out == "docs/edges.md is stale; python -m tools.refresh tables\n"


def test_every_block_is_tested_here() -> None:
    assert set(refresh.blocks()) == {
        "bigram compare",
        'bigram compare, from "Largest difference" to "          training"',
        "bigram check",
        "bigram check mine.py:loss_and_gradient",
        "bigram explain --step dW",
        "python -m benchmarks.report --readme",
        "python -m bigram.studies.falling_loss",
        "python -m bigram.studies.tolerances",
        "python -m bigram.studies.worst_cases",
        "python -m tests.kit.people --table",  # in tests/bigram/doctor/test_people.py
    }


@pytest.mark.slow
def test_compare(shakespeare: Corpus, published: Callable) -> None:
    result = published(shakespeare, "float32")
    block = refresh.blocks()["bigram compare"]
    source = re.search(r"^source +(https://\S+)$", block, re.MULTILINE)
    # the block was made on one thread from the download; tests may have two, and a folder
    assert source
    result = replace(result, corpus=replace(result.corpus, source=source[1]), threads=1)
    printed = refresh.fenced("\n".join(comparison_report(result)))
    assert words(block) == words(printed)
    assert block.partition("\nMean loss")[0] == printed.partition("\nMean loss")[0]
    assert column(block, "step") == column(printed, "step")
    name = 'bigram compare, from "Largest difference" to "          training"'
    part = refresh.cut(name, "\n".join(comparison_report(result)))
    assert words(refresh.blocks()[name]) == words(refresh.fenced(part))
    for losses in ("NumPy train", "torch train", "NumPy val", "torch val"):
        assert column(block, losses) == pytest.approx(column(printed, losses), abs=1e-4)
    for loss in ("optimum", "training ended"):
        assert after(block, loss) == pytest.approx(after(printed, loss), abs=1e-4)


@pytest.mark.slow
def test_check(evidence_record: dict) -> None:
    block, printed = refresh.blocks()["bigram check"], "\n".join(evidence_report(evidence_record))
    assert words(block) == words(refresh.fenced(printed))
    assert column(block, "mistakes") == column(printed, "mistakes")


def test_the_readers_example(tmp_path: Path) -> None:
    pytest.importorskip("torch")  # the block says that it is installed
    (tmp_path / "mine.py").write_text(refresh.example(), encoding="utf-8")
    printed = bigram("check", "mine.py:loss_and_gradient", cwd=tmp_path).stdout
    assert words(refresh.blocks()["bigram check mine.py:loss_and_gradient"]) == words(
        refresh.fenced(printed)
    )


def test_the_readme_is_short_and_its_call_from_python_prints_the_same_verdict(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 200
    assert len(re.findall("^pip install -c constraints.txt -e ", text, re.MULTILINE)) == 2
    mine, call = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    mended = mine.replace("dW[x] += d", "np.add.at(dW, x, d)").replace(
        "loss, dW", "loss, dW / len(y)"
    )
    assert mended.count("np.add.at(dW, x, d)") == mended.count("return loss, dW / len(y)") == 1
    exec(mended + call, {})
    verdict = capsys.readouterr().out.splitlines()[0]
    assert f"`{verdict}`" in text
    exec(mine + call, {})
    verdict = refresh.blocks()["bigram check mine.py:loss_and_gradient"].splitlines()[1]
    assert verdict in capsys.readouterr().out.splitlines()


def test_explain() -> None:
    pytest.importorskip("torch")
    block = refresh.blocks()["bigram explain --step dW"]
    printed = refresh.fenced("\n".join(map(str, one_step(explain("hello"), "dW", 80))))
    # How far torch's entries are from ours is in their last bits; all above is written with four
    # decimals.
    (ours, torchs), (pasted, pasted_torchs) = printed.split("\ntorch: "), block.split("\ntorch: ")
    assert ours == pasted
    assert words(torchs) == words(pasted_torchs)


@pytest.mark.slow
def test_tolerances() -> None:
    block, printed = refresh.blocks()["python -m bigram.studies.tolerances"], tolerances.report()
    # How many right gradients a rule rejects may hang on their last bits.
    of_right = re.compile(r"(?<=, of )(\d+) \|.*|Of \d+ right results .*")
    assert of_right.sub(r"\1", block) == of_right.sub(r"\1", refresh.fenced(printed))
    alarms = [
        line for line in printed.splitlines() if re.match(r"\| .+, float(32|64), of \d+ \|", line)
    ]
    assert len(alarms) == 8
    assert all(line.endswith("| · |") for line in alarms)  # bigram check rejects no right code,
    # cs231n's does
    assert all(line.split(" | ")[5] != "·" for line in alarms if "near the optimum" in line)
    totals = [line for line in printed.splitlines() if line.startswith("| **pass on the cases")]
    assert len(totals) == 2
    assert all(total.endswith("| **0** |") for total in totals)  # none passes our own check
    *_, allclose, relative, _ = re.findall(r"\*\*(\d+)\*\*", totals[0])
    page = " ".join((ROOT / "docs" / "tolerances.md").read_text(encoding="utf-8").split())
    assert f"`np.allclose` lets {allclose} of 36 wrong gradients pass." in page
    assert f"Relative 1e-4 lets {int(relative) or 'none'} pass" in page


def test_the_worst_cases_are_within_their_bounds() -> None:
    """The climb itself is in ``tests/bigram/studies``; the pasted figures depend on the
    processor."""
    block = refresh.blocks()["python -m bigram.studies.worst_cases"]
    fractions = [float(number) for number in re.findall(r"\b0\.\d+\b", block)]
    assert len(fractions) == 30
    assert max(fractions) < 1
    page = (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8")
    assert f"The gradient comes to {max(fractions):.3f} of its bound" in page


def test_speed() -> None:
    printed = pages.readme(results.published())
    assert refresh.blocks()["python -m benchmarks.report --readme"] == refresh.fenced(printed)


@pytest.mark.slow
@pytest.mark.parametrize("lengths", [1, 2])
def test_falling_loss(lengths: int) -> None:
    """The losses after the shorter run; after both."""
    block = refresh.blocks()["python -m bigram.studies.falling_loss"]
    _, error, *losses = falling_loss.HEADINGS
    printed = table_text(
        falling_loss.HEADINGS[: 2 + lengths], falling_loss.rows(falling_loss.LENGTHS[:lengths])
    )
    assert column(block, error) == pytest.approx(column(printed, error), rel=0.01)
    for loss in losses[:lengths]:
        assert column(block, loss) == pytest.approx(column(printed, loss), abs=2e-4)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("https://"):
            assert (ROOT / page.parent / target).exists(), target
    for target, anchor in re.findall(r"\]\((?!https://)([^)#]*)#([^)]+)\)", text):
        path = ROOT / page.parent / target if target else ROOT / page
        assert anchor in anchors(path), anchor


def anchors(page: Path) -> set[str]:
    """What GitHub makes of the headings of a page: lower case, hyphens for spaces, no other
    signs."""
    text = re.sub(
        r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    headings = re.findall(r"^#+ +(.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_hints_of_the_exercises_lead_somewhere() -> None:
    hints = [
        hint
        for path in (ROOT / "docs" / "exercises").glob("*.py")
        for hint in re.findall(r"docs/(derivation\.md)#([\w-]+)", path.read_text(encoding="utf-8"))
    ]
    assert len(hints) >= 10
    for page, anchor in hints:
        assert anchor in anchors(ROOT / "docs" / page), anchor


def test_the_file_tree_is_the_tree() -> None:
    text = (ROOT / "docs" / "reading.md").read_text(encoding="utf-8")
    tree = re.search(r"```\n(common/.*?)```", text, re.DOTALL)
    assert tree
    listed, folder = set(), ""
    for line in tree[1].splitlines():
        if found := re.match(r"[\w/]+/", line):
            folder = found[0]
        elif found := re.match(r"  (\w+\.py)", line):
            listed.add(folder + found[1])
    files = {
        path.relative_to(ROOT).as_posix()
        for package in ("common", "impl_numpy", "impl_torch", "bigram")
        for path in (ROOT / package).rglob("*.py")
        if path.name not in ("__init__.py", "__main__.py")
    }
    assert listed == files
