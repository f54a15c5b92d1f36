"""``bigram explain --html``: the record of ``explain.py`` as one page that needs no network.

Page, style and script are the files beside this one; what they show is embedded, and the script computes
nothing. The formulas are MathML, one for each operation.
"""

import os
import re
from pathlib import Path
from typing import Any

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
    target = Path(path).resolve()  # what a link points to is replaced, not the link
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
        for key, formula in FORMULAS.items()
    )
    parts["record"] = embedded(with_sentences(record))
    # All at once, so that nothing in the record is taken for a place to put something.
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], parts["html"])


def embedded(record: Record) -> str:
    """JSON that is safe inside a script element, whatever the text is: nothing in it can end the element or
    begin another, and it is ASCII, so no character of it can be taken for the end of a line."""
    return to_json(record).replace("<", "\\u003c")


def with_sentences(record: Record) -> Record:
    """The record with what the terminal says in words."""
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


# MathML


def row(*parts: str) -> str:
    """Parts side by side. What is not markup yet is a name, a number or an operator."""
    return f"<mrow>{''.join(map(token, parts))}</mrow>"


def token(text: str) -> str:
    """Markup as it is; anything else in the element that suits it."""
    if text.startswith("<"):
        return text
    tag = "mi" if re.fullmatch(r"\w*[^\W\d]\w*", text) else "mn" if text.isdigit() else "mo"
    return f"<{tag}>{text}</{tag}>"


def sub(name: str, *indices: str) -> str:
    """A name with its indices."""
    listed = [part for index in indices for part in (",", index)][1:]
    return f"<msub>{token(name)}{row(*listed)}</msub>"


def frac(above: str, below: str) -> str:
    """A fraction."""
    return f"<mfrac>{row(above)}{row(below)}</mfrac>"


def total(index: str, body: str) -> str:
    """A sum over one index."""
    return f"<munder><mo>∑</mo>{row(index)}</munder>{body}"


def root(body: str) -> str:
    """A square root."""
    return f"<msqrt>{body}</msqrt>"


def either(first: str, condition: str, otherwise: str) -> str:
    """One value under a condition, else another. In a line, for few fonts have braces of any height."""
    return row(
        first, "<mtext>&nbsp;if&nbsp;</mtext>", condition, "<mtext>,&nbsp;else&nbsp;</mtext>", otherwise
    )


def formulas() -> dict[str, str]:
    """The rule of each step in ``steps.py``, by its key."""
    target, decay = sub("targets", "k"), row("1", "−", "lr", "×", "weight_decay")
    is_target = row("j", "=", target)

    def kj(name: str) -> str:
        return sub(name, "k", "j")

    def ij(name: str) -> str:
        return sub(name, "i", "j")

    def mean(name: str) -> str:
        return frac("1", "N") + total("k", sub(name, "k"))

    def exp(body: str) -> str:
        return row("<mo>exp</mo>", "(", body, ")")

    softmax = f"<msub>{row('softmax', '(', 'W', ')')}{row('i', ',', 'j')}</msub>"
    follows = "<mtext>&nbsp;follows&nbsp;</mtext>"
    row_max = "<munder><mo>max</mo><mi>m</mi></munder>" + sub("logits", "k", "m")
    beta1, beta2 = sub("β", "1"), sub("β", "2")
    grown1, grown2 = (row("1", "−", f"<msup>{beta}<mi>t</mi></msup>") for beta in (beta1, beta2))
    return {
        "logits": row(kj("logits"), "=", sub("W", sub("idx", "k"), "j")),
        "z": row(kj("z"), "=", kj("logits"), "−", row_max),
        "e": row(kj("e"), "=", exp(kj("z"))),
        "s": row(sub("s", "k"), "=", total("j", kj("e"))),
        "log_s": row(sub("log_s", "k"), "=", "<mo>log</mo>", "(", sub("s", "k"), ")"),
        "logp": row(kj("logp"), "=", kj("z"), "−", sub("log_s", "k")),
        "picked": row(sub("picked", "k"), "=", sub("logp", "k", target)),
        "loss": row("loss", "=", "−", mean("picked")),
        "dloss": row("dloss", "=", frac("<mo>∂</mo><mi>loss</mi>", "<mo>∂</mo><mi>loss</mi>"), "=", "1"),
        "dpicked": row(sub("dpicked", "k"), "=", "−", frac("dloss", "N")),
        "dlogp": row(kj("dlogp"), "=", either(sub("dpicked", "k"), is_target, "0")),
        "dlog_s": row(sub("dlog_s", "k"), "=", "−", total("j", kj("dlogp"))),
        "ds": row(sub("ds", "k"), "=", frac(sub("dlog_s", "k"), sub("s", "k"))),
        "de": row(kj("de"), "=", sub("ds", "k")),
        "dz": row(kj("dz"), "=", kj("dlogp"), "+", kj("de"), "×", kj("e")),
        "dlogits": row(kj("dlogits"), "=", kj("dz")),
        "dW": row(ij("dW"), "=", total(row("k", ":", sub("idx", "k"), "=", "i"), kj("dlogits"))),
        "p": row(kj("p"), "=", frac(kj("e"), sub("s", "k"))),
        "dlogits_fused": row(kj("dlogits"), "=", frac(row(kj("p"), "−", kj("onehot")), "N")),
        "C": row(ij("C"), "=", "<mtext>how often&nbsp;</mtext>", "j", follows, "i"),
        "n": row(sub("n", "i"), "=", total("j", ij("C"))),
        "softmax": row(softmax, "=", frac(exp(ij("W")), total("m", exp(sub("W", "i", "m"))))),
        "dW_counts": row(ij("dW"), "=", frac(row(sub("n", "i"), "×", softmax, "−", ij("C")), "N")),
        "g": row("g", "=", "dW"),
        "decayed": row("decayed", "=", "W", "×", "(", decay, ")"),
        "exp_avg": row("exp_avg", "=", "0", "+", "(", "1", "−", beta1, ")", "×", "(", "g", "−", "0", ")"),
        "exp_avg_sq": row(
            "exp_avg_sq", "=", "0", "×", beta2, "+", "(", "1", "−", beta2, ")", "×", "g", "×", "g",
        ),
        "denominator": row(
            "denominator", "=", frac(root(token("exp_avg_sq")), root(grown2)), "+", "eps",
        ),
        "update": row("update", "=", frac("lr", grown1), "×", frac("exp_avg", "denominator")),
        "W_after": row("W", "=", "decayed", "−", "update"),
    }  # fmt: skip


FORMULAS = formulas()
