"""Proves, for every case of ``tests/kit/bad_input.py``, the exit status and the one line; that none
prints a traceback, and none changes a file or leaves one half written; and that every number that
can be given on the command line is among the cases."""

import argparse
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bigram import cli
from bigram.runs.folder import LOCK
from tests.kit import HANG, ROOT, one_in
from tests.kit.bad_input import CASES, Case, prepared

pytestmark = pytest.mark.skipif(
    os.name != "posix", reason="files, shells and their messages are POSIX"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("cases")
    with prepared(path):
        yield path


def contents(folder: Path) -> dict[str, object]:
    """Every file with all that could have changed in it. A lock in a folder that holds nothing else
    is no trace of a run, nor is the bytecode of a file that was imported."""
    return {
        str(path.relative_to(folder)): (
            status.st_size,
            status.st_mtime_ns,
            status.st_ino,
            status.st_mode,
        )
        for path in sorted(folder.rglob("*"))
        if not path.is_dir() and path.name != LOCK and path.parent.name != "__pycache__"
        for status in [path.lstat()]
    }


def says(line: str, printed: str) -> bool:
    """Whether the line was printed and nothing else."""
    if not line:
        return printed == ""
    pattern = ".*".join(map(re.escape, line.split("…")))
    return re.fullmatch(pattern, printed.removesuffix("\n")) is not None and printed.endswith("\n")


@pytest.mark.parametrize("case", one_in(2, CASES), ids=lambda case: case.name)
def test_bad_input_is_one_line(
    case: Case, folder: Path, monkeypatch: pytest.MonkeyPatch, bigram_here: Callable
) -> None:
    if case.not_as_root and os.geteuid() == 0:
        pytest.skip("to root nothing is forbidden")
    if case.torch:
        pytest.importorskip("torch")
    if "/dev/full" in case.command and not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    monkeypatch.chdir(folder)
    before = contents(folder)
    if case.apart:
        program = shlex.join([sys.executable, "-m", "bigram"])
        script = f"set -o pipefail; {case.command.replace('bigram ', f'{program} ', 1)}"
        result = subprocess.run(
            ["bash", "-c", script],
            capture_output=True,
            encoding="utf-8",
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            timeout=HANG,
        )
    else:
        words = shlex.split(case.command)
        while "=" in words[0]:
            monkeypatch.setenv(*words.pop(0).split("=", 1))
        assert words.pop(0) == "bigram"
        result = bigram_here(*words)
    assert result.returncode == case.status
    assert says(case.line, result.stderr), result.stderr
    assert len(result.stderr.splitlines()) <= 1
    assert "Traceback" not in result.stdout
    assert contents(folder) == before


def test_the_line_of_bad_input_matches_nothing_longer() -> None:
    assert says("a … b", "a and then b\n")
    assert not says("a … b", "a and then b")
    assert not says("a … b", "a and then b\nand c\n")
    assert not says("a … b", "a and then b\na b\n")
    assert not says("a … b", "a and then c\n")
    assert not says("a.b", "a,b\n")
    assert says("", "")
    assert not says("", "a\n")


def test_the_cases_of_bad_input_are_many_and_distinct() -> None:
    assert len({case.command for case in CASES}) == len(CASES) >= 80


def test_every_number_that_can_be_given_is_tried() -> None:
    (commands,) = (
        action
        for action in cli.build_parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    numeric = {
        (name, action.option_strings[-1])
        for name, parser in commands.choices.items()
        for action in parser._actions
        if action.type in (int, float)
    }
    assert len(numeric) >= 19
    for command, option in numeric:
        tried = {
            match[1]
            for case in CASES
            if case.command.startswith(f"bigram {command} ")
            for match in [re.search(rf"{option} (\S+)", case.command)]
            if match
        }
        assert any(value.startswith("-") for value in tried), (command, option)
        assert tried & {"nan", "inf", "0.5"}, (command, option)
        assert len(tried) >= 2
