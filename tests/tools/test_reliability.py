"""Proves that ``docs/reliability.md`` says what its command finds: the table of bad input is the
one that is tested, the figures are those of the whole measurement, and none can be written down
that is bad."""

import copy
import os
import re
from pathlib import Path
from typing import Any

import pytest

from bigram.runs import checkpoint
from tests.kit import bad_input

if os.name != "posix":
    pytest.skip("limits are POSIX", allow_module_level=True)

from tests.kit.mutants import KINDS
from tools import reliability

PAGE = reliability.PAGE.read_text(encoding="utf-8")


def block(name: str) -> str:
    match = re.search(rf"<!-- begin: {name} -->\n(.*?)<!-- end -->", PAGE, re.DOTALL)
    assert match, name
    return match[1]


def test_the_table_of_bad_input_is_the_one_that_is_tested() -> None:
    assert block("bad input") == bad_input.table()


def test_the_figures_of_reliability_are_of_the_whole_measurement() -> None:
    figures = block("figures")
    for figure in ("200, ", "100,000: ", "200,000 steps, "):
        assert f"| {figure}" in figures
    rows = re.findall(r"^\| (.+?) \| ([\d,]+) \| ([\d,]+) \|$", block("damage"), re.MULTILINE)
    assert [kind for kind, _, _ in rows] == list(KINDS)
    counts = [[int(cell.replace(",", "")) for cell in cells] for _, *cells in rows]
    assert sum(map(sum, counts)) == 100_000
    refused, loaded = map(sum, zip(*counts, strict=True))
    assert (
        f"| 100,000: {refused:,} refused, {loaded:,} loaded as saved, 0 anything else |" in figures
    )


FOUND: dict[str, Any] = {
    "killed": {
        "kills": 9,
        "while_saving": 3,
        "files_loaded": 12,
        "runs_finished": 4,
        "problems": [],
    },
    "damaged": {
        "files": 3,
        "kinds": {"bits flipped": {"refused": 2, "loaded": 1}},
        "reasons": {"its checksum is wrong": 2},
        "slowest_ms": 1.0,
        "largest_mb": 2.0,
        "problems": [],
    },
    "full": {"limits": 5, "problems": []},
    "flat": {"steps": 10, "bytes": 1234, "files": 0},
}


def test_a_figure_that_is_bad_is_not_written_down() -> None:
    assert "| 3: 2 refused, 1 loaded as saved, 0 anything else |" in reliability.summary(FOUND)
    assert "| bits flipped | 2 | 1 |" in reliability.damage(FOUND)
    for part in ("killed", "damaged", "full"):
        found = copy.deepcopy(FOUND)
        found[part]["problems"].append("lost")
        with pytest.raises(AssertionError, match="lost"):
            reliability.summary(found)


def test_a_full_disk_leaves_the_checkpoint_before(monkeypatch: pytest.MonkeyPatch) -> None:
    found = reliability.full_disk(every=2000)
    assert found["problems"] == []
    assert found["limits"] >= 25

    def in_place(path: Path, data: bytes) -> None:
        path.write_bytes(data)

    monkeypatch.setattr(checkpoint, "replace_file", in_place)
    assert any(
        "not as it was" in problem for problem in reliability.full_disk(every=9000)["problems"]
    )
