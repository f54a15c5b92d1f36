"""Rewrites all output in the documentation: ``python -m tools.refresh``, in some minutes.

Figures are drawn, ``tutorial.ipynb`` is made from ``tutorial.py`` and run (``pip install -e ".[docs]"``), and
every pasted output is pasted again.

A block stands between ``<!-- begin: COMMAND -->`` and ``<!-- end -->``. What the command prints on stdout
takes the block's place: as it is if it is a Markdown table, fenced otherwise. The tests fail
where a block has gone stale.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from bigram import markdown
from common.files import replace_file

ROOT = Path(__file__).parent.parent
PAGES = ["README.md", "docs/evidence.md"]
EXAMPLE = re.compile(r"```python\n(# mine\.py\n.*?)```", re.DOTALL)


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


def run(command: str) -> str:
    """What ``command`` prints, in a folder that holds the README's ``mine.py``."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "mine.py").write_text(example(), encoding="utf-8")
        words = (
            command.replace("bigram ", "python -m bigram ", 1) if command.startswith("bigram") else command
        )
        words = [sys.executable, *words.split()[1:]]
        result = subprocess.run(words, cwd=folder, stdout=subprocess.PIPE, encoding="utf-8")
    assert result.returncode in (0, 1), command
    return result.stdout


def draw_figures() -> None:
    """The figures in ``docs/figures``."""
    command = [sys.executable, "-m", "bigram.studies.falling_loss", "--plot", str(ROOT / "docs" / "figures")]
    subprocess.run(command, check=True)


def run_notebook() -> None:
    """Makes ``tutorial.ipynb`` from ``tutorial.py``: the same cells, with what they print."""
    import jupytext
    import nbformat
    from nbclient import NotebookClient

    notebook = jupytext.read(ROOT / "docs" / "tutorial.py")
    NotebookClient(notebook, timeout=600, coalesce_streams=True).execute()
    # What would differ from one run to the next, or says only which machine it was, is left out.
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    for number, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"cell-{number}", {}
    nbformat.write(notebook, ROOT / "docs" / "tutorial.ipynb")


def main() -> None:
    draw_figures()
    run_notebook()
    for page in PAGES:
        path = ROOT / page
        text = markdown.with_blocks(path.read_text(encoding="utf-8"), lambda command: fenced(run(command)))
        replace_file(path, text.encode("utf-8"))


if __name__ == "__main__":
    main()
