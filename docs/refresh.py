"""Rewrites every pasted output and every figure in the documentation: ``python docs/refresh.py``.

A block stands between ``<!-- begin: COMMAND -->`` and ``<!-- end -->``. What the command prints on stdout
takes the block's place: as it is if it is a Markdown table, fenced otherwise. ``tests/test_docs.py`` fails
where a block has gone stale.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = ["README.md", "docs/evidence.md"]
BLOCK = re.compile(
    r"(?P<begin><!-- begin: (?P<command>.+?) -->\n)(?P<body>.*?)(?P<end><!-- end -->)", re.DOTALL
)
EXAMPLE = re.compile(r"```python\n(# mine\.py\n.*?)```", re.DOTALL)


def fenced(output: str) -> str:
    """A block's body for what a command printed."""
    output = output.rstrip("\n")
    return f"{output}\n" if output.startswith("|") else f"```text\n{output}\n```\n"


def blocks() -> dict[str, str]:
    """The command and body of every block."""
    pages = [(ROOT / page).read_text(encoding="utf-8") for page in PAGES]
    return {match["command"]: match["body"] for page in pages for match in BLOCK.finditer(page)}


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


def main() -> None:
    figures = [sys.executable, "-m", "bigram.falling_loss", "--plot", str(ROOT / "docs" / "figures")]
    subprocess.run(figures, check=True)
    for page in PAGES:
        path = ROOT / page
        text = path.read_text(encoding="utf-8")
        text = BLOCK.sub(lambda m: m["begin"] + fenced(run(m["command"])) + m["end"], text)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
