"""``bigram explain --html``: the record of ``explain.py`` as one page that needs no network.

Page, style and script are the files beside this one. The record is embedded as JSON; the script computes
nothing.
"""

import os
import re
from pathlib import Path
from typing import Any

from bigram.explain.steps import formulas
from bigram.explain.text import (
    about,
    about_agreement,
    about_numbers,
    about_repeats,
    about_training,
    nearness,
    settings,
)
from bigram.runs.records import to_json
from common.errors import UserError
from common.files import replace_file

Record = dict[str, Any]


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
    beside = Path(__file__)
    parts = {
        suffix: beside.with_suffix(f".{suffix}").read_text(encoding="utf-8")
        for suffix in ("html", "css", "js")
    }
    parts["formulas"] = "\n".join(
        f'<template id="formula {key}"><math displaystyle="true">{formula}</math></template>'
        for key, formula in formulas().items()
    )
    parts["record"] = embedded(with_sentences(record))
    # One pass, so that a "{{name}}" inside the record stays as it is.
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], parts["html"])


def embedded(record: Record) -> str:
    """JSON that is safe inside a script element for any text: "<" is escaped, so nothing ends the element or
    begins another, and all is ASCII, so no character can be read as a line end."""
    return to_json(record).replace("<", "\\u003c")


def with_sentences(record: Record) -> Record:
    """The record with the sentences of the terminal report."""
    notes: dict[str, list[str]] = {"dW": [about_repeats(record)], "g": [settings(record)]}
    notes |= {
        "dlogits_fused": [about_agreement(record, "collapse")],
        "dW_counts": [about_agreement(record, "counts")],
    }
    steps = [
        step
        | {"notes": notes.get(step["key"], [])}
        | {"torch": step["torch"] and step["torch"] | {"nearness": nearness(step["torch"])}}
        for step in record["steps"]
    ]
    sentences = {"opening": about(record), "rounding": about_numbers(record)}
    return (
        record
        | sentences
        | {"steps": steps, "training": record["training"] | {"notes": list(about_training(record))}}
    )
