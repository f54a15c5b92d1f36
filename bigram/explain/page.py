"""``bigram explain --html``: the record of ``explain.py`` as one page that needs no network.

Page, style and scripts are the files beside this one. The record is embedded as JSON. ``page.js``
shows it; ``pass.js`` computes it again only for a table that the reader has changed.
"""

import os
import re
import shlex
from pathlib import Path
from typing import Any

from bigram.explain.steps import escape, formulas
from bigram.explain.text import (
    about,
    about_agreement,
    about_numbers,
    about_optimum,
    about_repeats,
    about_torchs_training,
    nearness,
    settings,
)
from bigram.strict_json import to_json
from common.errors import UserError
from common.files import replace_file

Record = dict[str, Any]
PUSH = (
    "A step goes against the gradient. The bar under each number is its push on the logit: up, to "
    "the right, at the target; down, to the left, at the others. In each row the pushes add up to "
    "0."
)


def write_page(record: Record, path: str | os.PathLike[str]) -> Path:
    """Writes the page, whole or not at all, and returns where it is.

    Raises ``UserError`` where that cannot be written.
    """
    target = Path(path).resolve()  # replaces the target of a symbolic link, not the link
    if os.path.exists(target) and not target.is_file():
        raise UserError(f"{path} is not a regular file; give the name of a page to write")
    try:
        replace_file(target, page(record).encode("utf-8"))
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror}; give a file in a folder you can write to"
        ) from error
    return target


def page(record: Record) -> str:
    """The whole page."""
    files = {"html": "page.html", "css": "page.css", "pass": "pass.js", "js": "page.js"}
    parts = {
        name: Path(__file__).with_name(file).read_text(encoding="utf-8")
        for name, file in files.items()
    }
    parts["formulas"] = "\n".join(
        f'<template id="formula {key}"><math displaystyle="true">{formula}</math></template>'
        for key, formula in formulas().items()
    )
    parts["record"] = embedded(with_sentences(record))
    # One pass, so that a "{{name}}" inside the record stays as it is.
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], parts["html"])


def embedded(record: Record) -> str:
    """JSON that is safe inside a script element for any text: "<" is escaped, so nothing ends the
    element or begins another, and all is ASCII, so no character can be read as a line end."""
    return to_json(record).replace("<", "\\u003c")


def with_sentences(record: Record) -> Record:
    """The record with the sentences of the terminal report. ``given`` hold for its table alone."""
    notes = {
        "dW": [about_repeats(record)],
        "g": [settings(record)],
        "dlogits": [PUSH],
        "dlogits_fused": [PUSH],
    }
    given = {
        "dlogits_fused": [about_agreement(record, "collapse")],
        "dW_counts": [about_agreement(record, "counts")],
    }
    steps = [
        step
        | {"notes": notes.get(step["key"], []), "given": given.get(step["key"], [])}
        | {"torch": step["torch"] and step["torch"] | {"nearness": nearness(step["torch"])}}
        for step in record["steps"]
    ]
    training = {"notes": list(about_optimum(record)), "given": list(about_torchs_training(record))}
    sentences = {
        "opening": about(record),
        "rounding": about_numbers(record),
        "command": command(record["text"]),
    }
    return record | sentences | {"steps": steps, "training": record["training"] | training}


def command(text: str) -> str:
    """The command that makes this page, as a shell takes it."""
    if text.startswith("-"):
        return f"bigram explain --html page.html -- {quoted(text)}"
    return f"bigram explain {quoted(text)} --html page.html"


def quoted(text: str) -> str:
    """The text as one word of a shell, with invisible characters in bash's ``$'...'``."""
    if text.isprintable():
        return shlex.quote(text)
    return "$'" + "".join(escape(ch) if ch != "'" else "\\'" for ch in text) + "'"
