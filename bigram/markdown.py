"""Markdown as the pages hold it: tables, and blocks that a command writes.

A block stands between ``<!-- begin: NAME -->`` and ``<!-- end -->``.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

BLOCK = re.compile(r"(<!-- begin: (?P<name>.+?) -->\n)(?P<body>.*?)(<!-- end -->)", re.DOTALL)


def table(headings: Sequence[str], rows: Iterable[Iterable[str]], align: str = "") -> str:
    """A table. ``align`` holds one letter a column, ``l``, ``c`` or ``r``; columns beyond it take
    its last.

    >>> print(table(["a", "b"], [["x", "1"]], "lr"), end="")
    | a | b |
    | --- | --: |
    | x | 1 |
    """
    rules = {"l": "---", "c": ":-:", "r": "--:"}
    letters = (align or "l").ljust(len(headings), (align or "l")[-1])
    lines = [headings, [rules[letter] for letter in letters], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def blocks(page: str) -> dict[str, str]:
    """The body of every block, by its name."""
    return {match["name"]: match["body"] for match in BLOCK.finditer(page)}


def with_blocks(page: str, body_of: Callable[[str], str | None]) -> str:
    """The page with the body of each block replaced by ``body_of(name)``, or kept where that is
    None."""

    def written(match: re.Match[str]) -> str:
        body = body_of(match["name"])
        return match[0] if body is None else f"{match[1]}{body}{match[4]}"

    return BLOCK.sub(written, page)


def rewritten(pages: Iterable[Path], body_of: Callable[[str], str | None]) -> dict[Path, bytes]:
    """Each page of a file as ``with_blocks`` makes it."""
    texts = {path: path.read_text(encoding="utf-8") for path in pages}
    return {path: with_blocks(text, body_of).encode("utf-8") for path, text in texts.items()}
