"""Proves that ``docs/check.md`` is true: its examples run from top to bottom, and its commands do
as it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bigram.doctor.optimizer import optimizer_runs
from tests.kit import ROOT
from tests.kit.command import bigram

PAGE = (ROOT / "docs" / "check.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_the_examples_hold(tmp_path: Path) -> None:
    assert len(EXAMPLES) >= 10
    # In one file, as a reader would paste them; the test among them is called at the end.
    source = "\n\n".join(EXAMPLES) + "\n\ntest_my_gradient()\nprint('all hold')\n"
    (tmp_path / "examples.py").write_text(source, encoding="utf-8")
    command = [sys.executable, str(tmp_path / "examples.py")]
    # Outside a test: in one, a wrong result prints itself.
    environment = {
        name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"
    }
    environment["PYTHONPATH"] = str(ROOT)
    result = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert (result.stdout, result.returncode) == ("all hold\n", 0), result.stderr


def test_every_example_that_claims_something_asserts_it() -> None:
    for example in EXAMPLES:
        if "import numpy" not in example:  # the first defines the function that the second judges
            assert "assert " in example, example


def test_the_figures_and_exit_statuses_are_those_of_the_program(tmp_path: Path) -> None:
    assert max(len(run.gradients) for run in optimizer_runs("float64")) == 1200
    (tmp_path / "mine.py").write_text(EXAMPLES[0].rpartition("result = ")[0], encoding="utf-8")
    for arguments, status in (
        (["mine.py:mine"], 1),
        (["mine.py:yours"], 2),
        (["notebook.ipynb:mine"], 2),
    ):
        result = bigram("check", *arguments, cwd=tmp_path)
        assert result.returncode == status, result.stderr
    assert (
        "notebook.ipynb is a notebook; in a cell below mine, write: from bigram import check"
        in result.stderr
    )
