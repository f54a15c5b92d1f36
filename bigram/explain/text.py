"""The report of ``bigram explain``: the record of ``record.py`` as lines of at most the given
width.

Every printed number can be worked out again from other printed numbers. Nothing is computed here.
"""

import itertools
import re
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

from rich.cells import cell_len
from rich.text import Text

from bigram.explain.steps import escape
from bigram.terminal import number
from common.errors import UserError

NARROWEST = 40
WIDEST_PROSE = 100  # longer lines are hard to read

Record = dict[str, Any]
Lines = Iterator[Text]


def line_width(asked: int | None) -> int:
    """The width to print at: as asked, else the terminal's, else 80. Raises ``UserError`` below
    40."""
    if asked is None:
        return max(NARROWEST, shutil.get_terminal_size().columns)
    if asked < NARROWEST:
        raise UserError(f"--width is {asked}; the matrices need at least {NARROWEST}")
    return asked


def report(record: Record, width: int, encoding: str | None = None) -> Lines:
    """The whole pass, line by line. Characters that ``encoding`` lacks, by default stdout's, are
    escaped."""
    record = for_terminal(record, encoding)
    yield from opening(record, width)
    for part, title in record["parts"].items():
        yield from heading(title, width)
        if part == "adamw":
            yield Text()
            yield from prose(settings(record), width)
        for step in record["steps"]:
            if step["part"] == part:
                yield Text()
                yield from of_step(record, step, width)
        if part in record["agreement"]:
            yield Text()
            yield from prose(about_agreement(record, part), width)
    yield from ending(record, width)


def one_step(record: Record, name: str, width: int, encoding: str | None = None) -> Lines:
    """One operation at length, or one of the parts: the code, and every entry written out.

    Raises ``UserError`` for a name that is neither.
    """
    record = for_terminal(record, encoding)
    chosen = [step for step in record["steps"] if name in (step["key"], step["part"])]
    if not chosen:
        names = [step["key"] for step in record["steps"] if step["part"] in ("forward", "backward")]
        parts = [part for part in record["parts"] if part not in ("forward", "backward")]
        raise UserError(f"there is no step {name!r}; there are {', '.join(names + parts)}")
    shown: list[Record] = []  # code that makes several results is shown with the first
    for step in chosen:
        if step is not chosen[0]:
            yield Text()
        code = [code for code in step["code"] if code not in shown]
        shown += code
        yield from of_step(record, step, width, at_length=True, code=code)


def opening(record: Record, width: int) -> Lines:
    """The text, its characters and pairs, the table, and how numbers are written."""
    labels = shown_characters(record)
    yield from unbroken(shown_text(record), width, "bold")
    yield Text()
    yield from prose(about(record), width)
    yield from prose(about_numbers(record), width)
    yield Text()
    yield from grid(["id"], [["character"]], counted(record["V"]), [labels], width)
    yield Text()
    ids = [record["idx"], record["targets"]]
    rows = [[f"{labels[i]} {i}" for i in side] for side in ids]
    yield from grid(["k"], [["idx"], ["targets"]], counted(len(ids[0])), rows, width)
    yield Text()
    yield from title_line("W", record["W"], width, "the table")
    yield from matrix(record, record["W"], width)


def shown_text(record: Record) -> list[str]:
    """The text, its characters as they are shown."""
    characters = record["characters"]
    return [characters[i]["shown"] for i in [record["idx"][0], *record["targets"]]]


def about(record: Record) -> str:
    """The text as a bigram model sees it."""
    N, V = record["scalars"]["N"], record["V"]
    start = "is given" if record["seed"] is None else f"starts at random (seed {record['seed']})"
    return (
        f"{N + 1} characters, {V} of them distinct, and {N} pair{'s'[: N != 1]}: each character "
        "and the one after it. Row i of the table W holds the scores of the next character. It "
        f"{start}, with one decimal, which is exact."
    )


def about_numbers(record: Record) -> str:
    """How numbers are shown."""
    missing = (
        " torch is not installed, so its values are left out." if record["torch"] is None else ""
    )
    return (
        f"All is computed in {record['dtype']} and shown rounded, so results that you work out "
        f"from them may differ in the last digit, or by a few units of it after a sum.{missing}"
    )


def of_step(
    record: Record, step: Record, width: int, at_length: bool = False, code: Sequence[Record] = ()
) -> Lines:
    """One operation: rule, reason, result, the arithmetic of an entry or two, and torch's."""
    yield from title_line(
        step["name"], step, width, ", ".join(source_location(code) for code in step["code"])
    )
    yield from prose(step["rule"], width, "cyan")
    yield from prose(step["why"], width)
    for function in code:
        yield Text()
        for line in function["source"].splitlines():
            indent = len(line) - len(line.lstrip())
            yield from (
                prose(f"    {line}", width, "dim", hang=indent + 12) if line.strip() else [Text()]
            )
    if step["axes"]:
        yield Text()
        yield from matrix(record, step, width, marked=examples(record, step))
    chosen = every_entry(step) if at_length else examples(record, step)
    if at(step["entries"], chosen[0]):
        yield Text()
    for where in chosen:
        yield from equation(step, where, width)
    if step["key"] == "dW":
        yield from adding_up(record, step, width)
    if step["torch"]:
        where = examples(record, step)[0]
        theirs = f"{label(step['name'], where)} = {at(step['torch']['shown'], where)}"
        yield from prose(f"torch: {theirs}; {nearness(step['torch'])}", width, "dim", hang=7)


def settings(record: Record) -> str:
    """The constants of AdamW, in one line."""
    names = ["lr", "beta1", "beta2", "eps", "weight_decay"]
    with_values = (f"{name} {record['scalars'][name]:g}" for name in names)
    return f"With {', '.join(with_values)}, and t = 1, the first step."


def source_location(code: Record) -> str:
    """FILE:LINE of a function, as editors take it."""
    return f"{code['file']}:{code['line']}"


def label(name: str, where: Sequence[int]) -> str:
    """An entry's name, as the code would have it."""
    return f"{name}[{', '.join(map(str, where))}]" if where else name


def at(nested: Any, where: Sequence[int]) -> Any:
    """The entry of a nested list."""
    for index in where:
        nested = nested[index]
    return nested


def nearness(row: Record) -> str:
    """How near two results are, in the words of all reports."""
    if row["exact"]:
        return "every entry exact"
    return f"max abs {number(row['max_abs'])}, {number(row['fraction_of_bound'])} of the bound"


def examples(record: Record, step: Record) -> list[list[int]]:
    """The entries that are written out: at the target, and at the first character beside it."""
    k = record["example"]
    first = k if step["axes"][:1] == "k" else record["idx"][k]
    if len(step["axes"]) < 2:
        return [[first]] if step["axes"] else [[]]
    target = record["targets"][k]
    return [[first, j] for j in (target, 0 if target else 1) if j < record["V"]]


def every_entry(step: Record) -> list[list[int]]:
    """The indices of all entries."""
    return [list(where) for where in itertools.product(*map(range, step["shape"]))]


def equation(step: Record, where: list[int], width: int) -> Lines:
    """``name[i, j] = names = numbers = value``, on one line where it fits and else one under the
    other."""
    entry, left = at(step["entries"], where), label(step["name"], where)
    if entry is None:
        return
    # Equal sides are written once: a copy has no arithmetic, and a constant is its own value.
    sides = list(dict.fromkeys([entry["names"], entry["numbers"], at(step["shown"], where)]))
    if entry["names"] == entry["numbers"]:
        sides = sides[:1]
    whole = " = ".join([left, *sides])
    if len(whole) <= width:
        yield Text(whole)
        return
    for side in sides:
        yield from prose(f"{left} = {side}", width, hang=len(left) + 3)
        left = " " * len(left)


def adding_up(record: Record, step: Record, width: int) -> Lines:
    """Each row that is looked up more than once, as the sum that it is."""
    labels, idx = shown_characters(record), record["idx"]
    dlogits = next(other for other in record["steps"] if other["key"] == "dlogits")
    repeated = [i for i in range(record["V"]) if idx.count(i) > 1]
    for i in repeated:
        tokens = [k for k in range(len(idx)) if idx[k] == i]
        often = "twice" if len(tokens) == 2 else f"{len(tokens)} times"
        yield Text()
        yield from prose(
            f"{labels[i]} is looked up {often}, so row {i} of dW is the sum of {len(tokens)} rows "
            "of dlogits:",
            width,
        )
        yield Text()
        names = [*([f"dlogits[{k}]"] for k in tokens), [f"dW[{i}]"]]
        rows = [*(dlogits["shown"][k] for k in tokens), step["shown"][i]]
        yield from grid([""], names, columns(record), rows, width, rule=True)
    yield Text()
    yield from prose(about_repeats(record), width)
    yield Text()


def about_repeats(record: Record) -> str:
    """The rows that are looked up more than once."""
    if len(set(record["idx"])) == len(record["idx"]):
        return "No character is looked up twice here, so no row has anything to add; try hello."
    return (
        "dW[idx] += dlogits would keep the last of these rows alone: it reads once, adds, writes "
        "once."
    )


def about_agreement(record: Record, part: str) -> str:
    """A shorter form of the gradient against the long way."""
    name = {"collapse": "dlogits", "counts": "dW"}[part]
    return f"Against {name} of the long way: {nearness(record['agreement'][part])}."


def ending(record: Record, width: int) -> Lines:
    """Where many such steps lead."""
    training = record["training"]
    yield from heading(f"{training['steps']} AdamW steps, each on all pairs", width)
    yield Text()
    chosen = sorted({0, 1, 2, 5, 10, 20, 50, 100, training["steps"]})
    losses = [f"{training['loss'][step]:.4f}" for step in chosen]
    yield from grid(["step"], [["loss"]], list(map(str, chosen)), [losses], width)
    yield Text()
    for sentence in (*about_optimum(record), *about_torchs_training(record)):
        yield from prose(sentence, width)
    yield Text()
    yield from prose(
        "With --step NAME every entry of one step is written out, as in bigram explain --step dz.",
        width,
    )


def about_optimum(record: Record) -> Iterator[str]:
    """Where the training ends. A probability of 0 takes an infinite table, so that optimum is not
    reached."""
    training = record["training"]
    never = any(0 in row for row in training["frequencies"] if row)
    yield f"No table can go below {training['optimum']:.4f} nats on these pairs. " + (
        "It is approached, not reached: the probabilities go to the counts' own frequencies, C / "
        "n, but some of these are 0, and softmax is never 0. The gradient goes to 0."
        if never
        else "It is reached where the probabilities are the counts' own frequencies, C / n, and "
        "there the gradient is 0."
    )
    if None in training["frequencies"]:
        yield "A character that nothing follows has no frequencies, and its row only decays."


def about_torchs_training(record: Record) -> Iterator[str]:
    """The same steps in torch, where it is installed."""
    training = record["training"]
    if training["torch"]:
        worst = max(row["fraction_of_bound"] for row in training["torch"].values())
        yield (
            "torch's AdamW took the same steps: loss, gradient, moments and table agree after "
            f"each of them, with {number(worst)} of a bound at most."
        )


# Layout


def for_terminal(record: Record, encoding: str | None) -> Record:
    """The record with each character as a terminal of this encoding can show it, alone and among
    others."""
    encoding = encoding or getattr(sys.stdout, "encoding", None) or "utf-8"
    characters = []
    for character in record["characters"]:
        plain = character["shown"]
        # An open box that the encoding lacks is replaced by Python's print, like all signs of the
        # report.
        if plain == character["character"] and not can_encode(plain, encoding):
            plain = escape(plain)
        characters.append(character | {"shown": plain, "isolated": isolated(plain, encoding)})
    return record | {"characters": characters}


def can_encode(text: str, encoding: str) -> bool:
    """Whether the encoding has all the characters of the text."""
    return text.encode(encoding, "ignore").decode(encoding) == text


def isolated(shown: str, encoding: str) -> str:
    """A character that is read from right to left, kept from turning the numbers beside it
    around."""
    if unicodedata.bidirectional(shown[0]) in ("R", "AL", "AN") and can_encode("\u2068", encoding):
        return f"\u2068{shown}\u2069"  # first strong isolate, pop directional isolate
    return shown


def shown_characters(record: Record) -> list[str]:
    """Every character by id, as it is shown among others."""
    return [character["isolated"] for character in record["characters"]]


def heading(title: str, width: int) -> Lines:
    """A part begins."""
    yield Text()
    yield Text()
    yield from prose(title, width, "bold")
    yield Text("─" * min(len(title), width))


def title_line(name: str, tensor: Record, width: int, remark: str) -> Lines:
    """A tensor's name and shape, and at the right end where it comes from."""
    shape = f"({', '.join(map(str, tensor['shape']))})" if tensor["shape"] else "a number"
    left = f"{name}  {shape}"
    if len(left) + 2 + len(remark) <= width:
        gap = " " * (min(width, WIDEST_PROSE) - len(left) - len(remark))
        yield Text.assemble((name, "bold"), left[len(name) :], gap or "  ", (remark, "dim"))
    else:
        yield Text.assemble((name, "bold"), left[len(name) :])
        yield from prose(remark, width, "dim")


def prose(text: str, width: int, style: str = "", hang: int = 0) -> Lines:
    """A paragraph. Entries such as e[2, 0] and lone operators stay on one line."""
    kept = re.sub(r", (?=\w+\])", ",\0", text)
    kept = re.sub(r"^ +", lambda match: "\0" * len(match[0]), kept)
    # two columns count as two characters
    kept = "".join(ch + "\1" * (cell_len(ch) - 1) for ch in kept)
    wrapped = textwrap.wrap(
        kept,
        min(width, WIDEST_PROSE),
        subsequent_indent=" " * hang,
        break_long_words=True,
        break_on_hyphens=False,
    )
    yield from (Text(line.replace("\0", " ").replace("\1", ""), style) for line in wrapped)


def unbroken(words: Sequence[str], width: int, style: str = "") -> Lines:
    """Words without spaces between them, on lines of at most ``width``."""
    lines = [""]
    for word in words:
        if cell_len(lines[-1] + word) > width:
            lines.append("")
        lines[-1] += word
    yield from (Text(line, style) for line in lines)


def padded(text: str, width: int, right: bool = False) -> str:
    """The text with spaces, as wide as asked in a terminal's columns."""
    space = " " * (width - cell_len(text))
    return space + text if right else text + space


def counted(count: int) -> list[str]:
    """Headings from 0 on."""
    return [str(i) for i in range(count)]


def columns(record: Record) -> list[str]:
    """The headings of a matrix over characters: id and character."""
    return [f"{i} {shown}" for i, shown in enumerate(shown_characters(record))]


def row_labels(record: Record, axes: str) -> list[list[str]]:
    """The label of each row: for a token its number and pair, for a character its id."""
    labels = shown_characters(record)
    if axes[:1] == "k":
        pairs = zip(record["idx"], record["targets"], strict=True)
        return [[str(k), f"{labels[i]}→{labels[j]}"] for k, (i, j) in enumerate(pairs)]
    return [[str(i), ch] for i, ch in enumerate(labels)]


def matrix(record: Record, tensor: Record, width: int, marked: Sequence[list[int]] = ()) -> Lines:
    """A tensor of one or two axes with its labels."""
    axes, rows = tensor["axes"], tensor["shown"]
    if len(axes) == 1:
        rows, headings = [[value] for value in rows], [""]
        marked = [[i, 0] for (i,) in marked]
    else:
        headings = columns(record)
    yield from grid([axes[0], ""], row_labels(record, axes), headings, rows, width, marked)


def grid(
    corner: list[str],
    labels: list[list[str]],
    headings: list[str],
    rows: list[list[str]],
    width: int,
    marked: Sequence[list[int]] = (),
    rule: bool = False,  # a line above the last row, as above a sum
) -> Lines:
    """Rows of right-aligned cells under their headings; where they are wider than ``width``, in
    blocks of as many columns as fit. A column is as wide as its widest cell."""
    parts = zip(corner, *labels, strict=True)
    padded_parts = [[padded(part, max(map(cell_len, each))) for part in each] for each in parts]
    label_texts = ["  ".join(row) for row in zip(*padded_parts, strict=True)]
    margin = max(map(cell_len, label_texts)) + 2
    cell = max(cell_len(text) for row in [*rows, headings] for text in row)
    fit = max(1, (width - margin) // (cell + 2))
    for start in range(0, len(headings), fit):
        if start:
            yield Text()
        block = range(start, min(start + fit, len(headings)))
        head = "".join(padded(headings[j], cell, right=True) + "  " for j in block)
        if head.strip() or corner[0]:
            yield Text((padded(label_texts[0], margin) + head).rstrip(), "dim")
        for i, row in enumerate(rows):
            if rule and i == len(rows) - 1:
                yield Text(" " * margin + "  ".join("─" * cell for _ in block))
            line = Text(padded(label_texts[i + 1], margin), "")
            for j in block:
                line.append(padded(row[j], cell, right=True), "bold" if [i, j] in marked else "")
                line.append("  ")
            line.rstrip()
            yield line
