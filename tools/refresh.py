"""Makes again the generated parts of the pages: ``python -m tools.refresh [PART ...]``.

    python -m tools.refresh            all parts, in some minutes
    python -m tools.refresh tables     one part; --list names them all
    python -m tools.refresh --check    writes nothing; exit status 1 if a part that no machine
                                       changes is stale

Outputs, figures and notebooks depend on the machine in their last bits and in times: tests hold
their words, losses and verdicts. Measurements are not made here: ``pytest --benchmark-only`` and
``python -m tools.reliability`` write the files that this command makes pages of.

A block stands between ``<!-- begin: COMMAND -->`` and ``<!-- end -->``. The output of the command
takes its place: as it is if it is a Markdown table, fenced otherwise. ``COMMAND, from "A" to "B"``
keeps the lines from the first that starts with A to the first after it that starts with B.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from bigram import markdown
from common.files import replace_file
from tools import exercises

ROOT = Path(__file__).parent.parent
PAGES = ["README.md", "docs/evidence.md", "docs/reading.md", "docs/tolerances.md"]
SCRIPTS = [ROOT / "docs" / "tutorial.py"]
Pages = dict[Path, bytes]
EXAMPLE = re.compile(r"```python\n(# mine\.py\n.*?)```", re.DOTALL)


CUT = re.compile(r'(?P<command>.+?), from "(?P<first>.+)" to "(?P<last>.+)"')


def cut(name: str, output: str) -> str:
    """The lines of a command's output that the block called ``name`` keeps."""
    if not (wanted := CUT.fullmatch(name)):
        return output
    lines = output.splitlines(keepends=True)
    first = next(i for i, line in enumerate(lines) if line.startswith(wanted["first"]))
    last = next(i for i, line in enumerate(lines) if i > first and line.startswith(wanted["last"]))
    return "".join(lines[first : last + 1])


def fenced(output: str) -> str:
    """A block's body for what a command printed."""
    output = output.rstrip("\n")
    return f"{output}\n" if output.startswith("|") else f"```text\n{output}\n```\n"


def blocks() -> dict[str, str]:
    """The command and body of every block."""
    pages = [(ROOT / page).read_text(encoding="utf-8") for page in PAGES]
    return {command: body for page in pages for command, body in markdown.blocks(page).items()}


def example() -> str:
    """The ``mine.py`` of the README."""
    match = EXAMPLE.search((ROOT / "README.md").read_text(encoding="utf-8"))
    assert match, "README.md has no mine.py"
    return match[1]


@cache
def run(command: str) -> str:
    """The output of ``command`` in a folder that holds the README's ``mine.py``."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "mine.py").write_text(example(), encoding="utf-8")
        line = (
            command.replace("bigram ", "python -m bigram ", 1)
            if command.startswith("bigram")
            else command
        )
        words = [sys.executable, *line.split()[1:]]
        result = subprocess.run(words, cwd=folder, stdout=subprocess.PIPE, encoding="utf-8")
    assert result.returncode in (0, 1), command
    return result.stdout


def body(name: str) -> str:
    """The body of the block called ``name``."""
    found = CUT.fullmatch(name)
    return fenced(cut(name, run(found["command"] if found else name)))


def outputs() -> Pages:
    """Every pasted output. Depends on: all of ``bigram``."""
    return markdown.rewritten([ROOT / page for page in PAGES], body)


def tables() -> Pages:
    """The tables that list the cases of a test. Depends on: ``tests/impl_numpy/test_edges.py``,
    ``tests/kit/bad_input.py``."""
    from tests.impl_numpy import test_edges
    from tests.kit import bad_input

    made = {"edges": test_edges.table, "bad input": bad_input.table}
    pages = [ROOT / "docs" / "edges.md", ROOT / "docs" / "reliability.md"]
    return markdown.rewritten(pages, lambda name: made[name]() if name in made else None)


def speed() -> Pages:
    """The pages on speed. Depends on: ``benchmarks/results``."""
    from benchmarks.report import pages, results

    return pages.made_anew(results.published())


def figures() -> Pages:
    """The figures. Depends on: ``benchmarks/results``, ``bigram/studies/falling_loss.py``, the
    catalogue."""
    from benchmarks.report import figures, results

    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bigram.studies.falling_loss", "--plot", folder]
        subprocess.run(command, check=True)
        drawn = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    drawn |= figures.draw(results.published())
    return {ROOT / "docs" / "figures" / name: data for name, data in drawn.items()}


def notebooks() -> Pages:
    """Each notebook from its script, with the outputs of its cells. Depends on: the scripts, all of
    ``bigram``."""
    import jupytext
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

    new = {"markdown": new_markdown_cell, "code": new_code_cell}
    made = {script.with_suffix(".ipynb"): jupytext.read(script) for script in SCRIPTS}
    made[exercises.FOLDER / "exercises.ipynb"] = new_notebook(
        cells=[new[kind](source) for kind, source in exercises.cells()]
    )
    return {path: executed(notebook).encode("utf-8") for path, notebook in made.items()}


def executed(notebook: Any) -> str:
    """The text of a notebook with the outputs of its cells."""
    import nbformat
    from nbclient import NotebookClient

    NotebookClient(notebook, timeout=600, coalesce_streams=True).execute()
    # Ids and metadata differ from run to run or name the machine.
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    for number, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"cell-{number}", {}
    return nbformat.writes(notebook) + "\n"


PARTS = {make.__name__: make for make in (tables, speed, outputs, figures, notebooks)}
SAME_EVERYWHERE = ("tables", "speed")


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; see above."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.refresh", description=__doc__.split(":")[0]
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--list", action="store_true", help="name the parts and their sources")
    parser.add_argument(
        "--check", action="store_true", help="write nothing, and fail if one is stale"
    )
    args = parser.parse_args(argv)
    if args.list:
        for name, make in PARTS.items():
            print(f"{name:9}  {' '.join((make.__doc__ or '').split())}")
        return 0
    if unknown := set(args.parts) - set(PARTS):
        parser.error(f"there is no part {min(unknown)}; there are {', '.join(PARTS)}")
    stale = 0
    for name in args.parts or (SAME_EVERYWHERE if args.check else PARTS):
        for path, data in PARTS[name]().items():
            if path.exists() and path.read_bytes() == data:
                continue
            stale += 1
            where = path.relative_to(ROOT).as_posix()
            print(f"{where} is stale; python -m tools.refresh {name}" if args.check else where)
            if not args.check:
                replace_file(path, data)
    return int(args.check and stale > 0)


if __name__ == "__main__":
    sys.exit(main())
