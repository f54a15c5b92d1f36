"""Proves that the tutorial's notebook is its script, cell by cell, that it prints what the script prints now,
without a network, and that its links lead somewhere."""

import json
import os
import platform
import re
import subprocess
import sys
from typing import Any

import pytest

from tests.kit import HANG, ROOT

DOCS = ROOT / "docs"
SCRIPT = (DOCS / "tutorial.py").read_text(encoding="utf-8")
CELLS: list[dict[str, Any]] = json.loads((DOCS / "tutorial.ipynb").read_text(encoding="utf-8"))["cells"]


def as_script(cells: list[dict[str, Any]]) -> str:
    """The script that these are the cells of."""

    def lines(cell: dict[str, Any]) -> str:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            return f"# %%\n{source}"
        return "# %% [markdown]\n" + "\n".join(f"# {line}".rstrip() for line in source.split("\n"))

    return "\n\n".join(map(lines, cells)) + "\n"


def test_the_notebook_is_the_script() -> None:
    """But for empty lines between cells, which the formatter has a say in."""
    notebook, script = (re.sub(r"\n{2,}", "\n\n", text) for text in (as_script(CELLS), SCRIPT))
    assert notebook == script


def test_it_was_run_from_top_to_bottom() -> None:
    code = [cell for cell in CELLS if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert len(outputs) > 15
    assert {(output["output_type"], output["name"]) for output in outputs} == {("stream", "stdout")}


def test_it_prints_what_the_script_prints() -> None:
    pytest.importorskip("torch")
    # A proxy that nobody listens at, and no folder with a text: nothing can be fetched.
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:9", "BIGRAM_DATA_DIR": "", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-W", "error", str(DOCS / "tutorial.py")]
    root = os.pathsep.join([str(DOCS.parent), os.environ.get("PYTHONPATH", "")])
    result = subprocess.run(
        command,
        capture_output=True,
        encoding="utf-8",
        env=os.environ | nowhere | {"PYTHONPATH": root},
        timeout=HANG,
    )
    assert (result.returncode, result.stderr) == (0, "")
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        pytest.skip("it runs; but torch.multinomial draws other characters on another platform")
    printed = "".join("".join(output["text"]) for cell in CELLS for output in cell.get("outputs", []))
    # Rounding errors, such as 1e-06, and last digits may differ from processor to processor.
    old, new = (re.sub(r"\b\de-\d\d\b", "#", text) for text in (printed, result.stdout))
    number = re.compile(r"-?\d+\.\d+")
    assert number.sub("#", old) == number.sub("#", new)
    for before, now in zip(number.findall(old), number.findall(new), strict=True):
        assert float(before) == pytest.approx(float(now), abs=0.0101)


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[\w-]+)?\)", as_script(CELLS))
    assert len(links) > 5
    for link in links:
        assert (DOCS / link).exists(), link


def test_each_part_has_something_to_try() -> None:
    parts = re.split(r"^# ## ", SCRIPT, flags=re.MULTILINE)[1:-1]
    assert len(parts) == 11
    for part in parts:
        assert part.count("**Try:**") == 1, part.split("\n")[0]
