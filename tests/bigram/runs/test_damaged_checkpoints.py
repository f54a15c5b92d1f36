"""Proves that a damaged checkpoint loads to what was saved or is refused, in little time and
memory, and that the figures which say so would show it if it were otherwise."""

import itertools
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bigram.runs import checkpoint as module
from bigram.runs.checkpoint import Checkpoint, load_checkpoint
from tests.kit import mutants
from tests.kit.mutants import KINDS, figures


def check(found: dict[str, Any], files: int) -> None:
    assert found["problems"] == []
    assert (
        sum(sum(counts.values()) for counts in found["kinds"].values()) == found["files"] == files
    )
    assert len(found["reasons"]) >= 20  # every check of the reader is reached
    loaded = {kind for kind, counts in found["kinds"].items() if counts.get("loaded")}
    assert "another record, sealed" in loaded
    assert not {"a number that is none, sealed", "a header blown up", "cut off"} & loaded


def test_damaged_checkpoints_load_as_saved_or_are_refused() -> None:
    check(figures(1700, seed=0), 1700)


@pytest.mark.slow
def test_a_hundred_thousand_damaged_checkpoints_load_as_saved_or_are_refused() -> None:
    check(figures(100_000, seed=1), 100_000)


def forgetful(path: Path) -> Checkpoint:
    loaded = load_checkpoint(path)
    loaded.table[0, 0] = np.nextafter(loaded.table[0, 0], np.float32(9))
    return loaded


def hungry(path: Path) -> Checkpoint:
    more = bytearray(mutants.BYTES)
    loaded = load_checkpoint(path)
    del more
    return loaded


def careless(path: Path) -> Checkpoint:
    raise KeyError("table")


@pytest.mark.parametrize(
    ("where", "name", "replaced", "kinds", "problem"),
    [
        (
            module,
            "_check_arrays",
            lambda *args: None,
            ["a number that is none, sealed"],
            "not what was saved",
        ),
        (
            module,
            "_digest",
            lambda *args: None,
            ["bits flipped", "bytes overwritten"],
            "not what was saved",
        ),
        (mutants, "load_checkpoint", forgetful, ["another record, sealed"], "not what was saved"),
        (mutants, "load_checkpoint", hungry, ["cut off"], "memory|MB"),
        (mutants, "load_checkpoint", careless, ["cut off"], "KeyError: 'table'"),
        (time, "process_time", itertools.count().__next__, ["cut off"], "1000 ms, 0 MB"),
    ],
)
def test_a_reader_that_skips_a_check_is_found(
    monkeypatch: pytest.MonkeyPatch,
    where: Any,
    name: str,
    replaced: Any,
    kinds: list[str],
    problem: str,
) -> None:
    monkeypatch.setattr(mutants, "KINDS", {kind: KINDS[kind] for kind in kinds})
    monkeypatch.setattr(mutants, "BYTES", 2**22)  # which is enough
    assert figures(24, seed=0)["problems"] == []
    monkeypatch.setattr(where, name, replaced)
    problems = figures(24, seed=0)["problems"]
    assert problems
    assert all(re.search(problem, line) for line in problems)


def test_the_same_seed_gives_the_same_mutants() -> None:
    first, again, other = ([m.data for _, _, m in mutants.mutants(100, seed)] for seed in (3, 3, 4))
    assert first == again
    assert first != other
    assert len(set(first)) > 95
    assert len(KINDS) >= 17
