"""Proves that the formulas in the documentation survive GitHub: Markdown must hand every one of
them to MathJax as it is written, and MathJax must be allowed to set it.

GitHub reads a page as Markdown first. What stands between two dollars is ordinary text to it:
underscores and asterisks may open emphasis, a backslash before punctuation is an escape and
disappears, < opens a tag. Then it refuses macros that could redefine others or hide text,
``\\operatorname`` among them (https://github.com/github/markup/issues/1688). Some things break that
should not: a formula that touches a letter, one within emphasis or a link, one over two lines
(https://github.com/nschloe/github-math-bugs). So the pages here keep to a subset in which none of
that can happen, and this is it: short formulas as ``$...$`` of plain characters and known macros,
all others in a ``math`` fence at the left margin.
"""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.kit import ROOT

PAGES = sorted(
    path.relative_to(ROOT)
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"))
    if path.is_file()
)
MACROS = {
    "approx", "begin", "beta", "bigl", "Bigl", "bigr", "Bigr", "cdot", "delta", "end", "frac",
    "ge", "lambda",
    "ldots", "le", "leftarrow", "log", "lvert", "mathrm", "max", "min",
    "partial", "qquad", "rvert", "sqrt", "sum", "text",
    "top", "underbrace", "varepsilon",
}  # fmt: skip
ENVIRONMENTS = {"aligned"}
INLINE = re.compile(r"[A-Za-z0-9 +\-=/(),.'^_{}!\\]+")


def faults(page: str) -> Iterator[str]:
    """What may not arrive on GitHub as it was meant, one line each."""
    inside: list[str] = []
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(page):
        inside = [*inside, token.type.removesuffix("_open")] if token.nesting > 0 else inside
        inside = inside[:-1] if token.nesting < 0 else inside
        if token.type == "fence" and token.info == "math":
            yield from display_faults(token.content, inside)
        elif token.type == "inline":
            yield from paragraph_faults(token, inside)


def display_faults(formula: str, inside: list[str]) -> Iterator[str]:
    if inside:
        yield f"a math fence within {inside[-1]}"
    if not formula.strip() or re.search(r"\n\s*\n", formula.strip()):
        yield "an empty line in a math fence"
    if "$" in formula:
        yield f"a dollar in a math fence: {formula}"
    if r"\\" in formula and r"\begin{aligned}" not in formula:
        yield f"a line break outside of aligned: {formula}"
    if "&" in formula.replace("&=", "").replace(r"&\leftarrow", ""):
        yield f"an ampersand that aligns nothing: {formula}"
    # Spaces, and the line breaks that were just looked at, are macros of one character here.
    yield from tex_faults(re.sub(r"\\[\\,;]", "", formula))


def paragraph_faults(token: Token, inside: list[str]) -> Iterator[str]:
    assert token.children is not None
    # Text as Markdown leaves it; anything else there splits it.
    read, within = "", 0
    for child in token.children:
        within += child.nesting
        if child.type == "text":
            if "$" in child.content and (within or "heading" in inside):
                yield f"a dollar within emphasis, a link or a heading: {child.content}"
            read += child.content
        else:
            read += "\n" if child.type == "softbreak" else "\0"
    written = re.sub(r"(`+).*?\1", "\0", token.content, flags=re.DOTALL)  # code is left as it is
    texts, formulas = (re.split(r"\$([^$]*)\$", read)[part::2] for part in (0, 1))
    if "$$" in written:
        yield "two dollars: a display formula goes into a math fence"
    if written.count("$") % 2:
        yield f"a dollar without another: {written}"
    if formulas != re.findall(r"\$([^$]*)\$", written):
        yield f"eaten by Markdown: {written}"
    for before, after in itertools.pairwise(texts):
        if before and not before[-1].isspace():
            yield f"a formula touches {before[-1]!r}"
        if after and not (after[0].isspace() or after[0] in ".,;:?!)"):
            yield f"a formula touches {after[0]!r}"
    for formula in formulas:
        if not INLINE.fullmatch(formula) or formula != formula.strip():
            yield f"not plain enough for a line of text: {formula}"
        if re.search(r"(?<![A-Za-z0-9])_", formula):
            yield f"an underscore that may open emphasis: {formula}"
        yield from tex_faults(formula)


def tex_faults(formula: str) -> Iterator[str]:
    for macro in re.findall(r"\\([A-Za-z]+|.)", formula, re.DOTALL):
        if macro not in MACROS:
            yield f"\\{macro} is not one of the macros used here: {formula}"
    depth = [formula[:i].count("{") - formula[:i].count("}") for i in range(len(formula) + 1)]
    if min(depth) < 0 or depth[-1]:
        yield f"braces do not match: {formula}"
    if re.search(r"[_^](?![A-Za-z0-9{\\*])", formula):
        yield f"a subscript or superscript of nothing: {formula}"
    begins, ends = (re.findall(rf"\\{word}\{{(\w+)\}}", formula) for word in ("begin", "end"))
    if begins != ends or not set(begins) <= ENVIRONMENTS:
        yield f"environments other than {ENVIRONMENTS}, or not closed: {formula}"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_formula_survives(page: Path) -> None:
    assert list(faults((ROOT / page).read_text(encoding="utf-8"))) == []


def test_the_derivation_has_formulas_to_check() -> None:
    page = (ROOT / "docs" / "derivation.md").read_text(encoding="utf-8")
    assert page.count("```math\n") > 10
    assert len(re.findall(r"\$[^$\n]+\$", page)) > 100


FINE = [
    r"The row $p_i$ sums to one; $\frac{n_i}{N}$, $\lvert z \rvert$ and $x'$.",
    "| a | b |\n|---|---|\n| $p_{ij}$ | `$x$y` |",
    "```math\n\\begin{aligned}\nx &= \\frac{a}{b} \\\\\ny &\\leftarrow p_{i} \\, "
    "q_{j}\n\\end{aligned}\n```",
    "It costs nothing: `$HOME` and ```$`x`$```.",
]
BROKEN = [
    (r"$\operatorname{softmax}(z)$", "not one of the macros"),
    (r"$\newcommand{\R}{x} \R$", "not one of the macros"),
    (r"$\def\x{1}$", "not one of the macros"),
    (r"$\label{a}$", "not one of the macros"),
    (r"$\href{x}{y}$", "not one of the macros"),
    ("$$x$$", "two dollars"),
    ("$$\nx\n$$", "two dollars"),
    (r"the set $\{a, b\}$", "eaten"),
    (r"$a \, b$", "eaten"),
    (r"$a \\ b$", "eaten"),
    (r"$\hat{p}_y$ and $\hat{p}_{y}$", "eaten"),
    (r"$\hat{p}_y$", "open emphasis"),
    ("$a*b$ and $c*d$", "eaten"),
    ("$a^*$", "not plain enough"),
    ("$a <b> c$", "eaten"),
    ("$a < b$", "not plain enough"),
    ("$a &lt; b$", "eaten"),
    ("$[a](b)$", "eaten"),
    ("$a ~ b$", "not plain enough"),
    (" | a |\n|---|\n| $|z|$ |", "without another"),
    ("$x$-axis", "touches '-'"),
    ("the $i$th", "touches 't'"),
    ("2$x$", "touches '2'"),
    ("($x$)", "touches '('"),
    ("$x\ny$", "not plain enough"),
    ("$ x$", "not plain enough"),
    ("it costs 5$", "without another"),
    ("**$x$**", "within emphasis"),
    ("[$x$](y)", "within emphasis, a link"),
    ("# The row $x$", "or a heading"),
    ("$x_{i$", "braces"),
    ("$x}{$", "braces"),
    ("```math\nx_i^\n```", "of nothing"),
    ("```math\nx\n\ny\n```", "empty line"),
    ("```math\n```", "empty line"),
    ("```math\n\\text{$x$}\n```", "a dollar in a math fence"),
    ("```math\n\\begin{align}\nx\n\\end{align}\n```", "environments"),
    ("```math\n\\begin{aligned}\nx\n```", "environments"),
    ("```math\nx \\\\ y\n```", "line break"),
    ("```math\nx & y\n```", "ampersand"),
    ("- a list\n\n  ```math\n  x\n  ```", "within list_item"),
    ("```math\n\\begin{aligned}\\label{x}\n\\end{aligned}\n```", "not one of the macros"),
]


@pytest.mark.parametrize("page", FINE)
def test_formulas_that_github_shows_have_no_fault(page: str) -> None:
    assert list(faults(page)) == []


@pytest.mark.parametrize(("page", "fault"), BROKEN)
def test_what_is_known_to_break_is_found(page: str, fault: str) -> None:
    assert any(fault in found for found in faults(page)), list(faults(page))
