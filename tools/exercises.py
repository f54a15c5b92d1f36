"""The exercises as a notebook: for each file in ``docs/exercises`` its text with folded hints, its
code, and a cell that checks it in place. ``python -m tools.refresh notebooks`` writes it."""

import re
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent.parent / "docs" / "exercises"
COMMAND = re.compile(
    r"\n    bigram check (?P<optimizer>--optimizer )?\S+:(?P<name>\w+)(?P<options>.*)\n"
)
TITLE = """# Exercises: write it yourself

Six functions, each with its body taken out. Replace the line that raises `NotImplementedError`, run
the cell, and run the check below it: it says *correct*, or names the mistake and how to mend it.
Each exercise has three hints. Unfold one at a time.

To run this notebook, install the project: `pip install -c constraints.txt -e ".[all]"` in a clone.
To write in files instead, see [the other way](README.md)."""
SETUP = "import numpy as np\n\nfrom bigram import check, check_optimizer"


class Cell(NamedTuple):
    kind: str  # "markdown" or "code"
    source: str


def cells() -> list[Cell]:
    """Those of the notebook, in order."""
    made = [Cell("markdown", TITLE), Cell("code", SETUP)]
    for path in sorted(FOLDER.glob("[0-9]*.py")):
        docstring, code = path.read_text(encoding="utf-8").removeprefix('"""').split('"""\n', 1)
        command = COMMAND.search(docstring)
        assert command, path.name
        text, hints = docstring.replace("``", "`").split("Hints, if you are stuck:")
        title, task = COMMAND.sub("", text).strip().split("\n", 1)
        made += [
            Cell("markdown", f"## {title}\n\n{task.strip()}\n\n" + folded(hints)),
            Cell("code", code.replace("import numpy as np\n", "").strip()),
            Cell("code", call(command)),
        ]
    return made


def folded(hints: str) -> str:
    """The numbered hints, each to be unfolded, with links to the derivation."""
    made = []
    for number, hint in enumerate(re.split(r"\n\d\. ", hints)[1:], start=1):
        text = re.sub(r"docs/(\S+#\S+)", r"[Read more](../\1).", " ".join(hint.split()))
        made.append(f"<details><summary>Hint {number}</summary>\n\n{text}\n\n</details>")
    return "\n\n".join(made)


def call(command: re.Match[str]) -> str:
    """The command of an exercise as a call.

    >>> call(COMMAND.search("\\n    bigram check mine/a.py:loss --loss-only\\n"))
    'check(loss, loss_only=True)'
    """
    options = "".join(
        f", {option.replace('-', '_')}=True"
        for option in re.findall(r"--(\S+)", command["options"])
    )
    return f"check{'_optimizer' if command['optimizer'] else ''}({command['name']}{options})"
