"""Judges the code that people wrote in ``tests/people`` and compares each diagnosis with the truth.

    python -m tests.kit.people PATH...    one line for each file, and the totals of each folder
    python -m tests.kit.people --write    judges all four folders, or those named behind it, and
                                          writes ``results.json`` and the part of
                                          ``docs/evidence.md`` that is made of it; minutes
    python -m tests.kit.people --table    prints that part

The truth about a wrong file is in its head and in ``entries.json``, which says the names that are
true for it; ``tests/people/README.md`` explains both.
"""

import importlib.util
import json
import re
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import bigram
from bigram import markdown
from common.files import replace_file

FOLDER = Path(__file__).parents[1] / "people"
RESULTS = FOLDER / "results.json"
PAGE = FOLDER.parents[1] / "docs" / "evidence.md"
BLOCK = "python -m tests.kit.people --table"
WRONG = ("gradients_wrong", "optimizers_wrong")
RIGHT = ("gradients_right", "optimizers_right")
HEAD = re.compile(r"^# ([\w ']+): (.*)$")


class Truth(NamedTuple):
    """The names that are true for one file."""

    mistakes: list[list[str]]  # each mistake with its true names; none where no entry names it
    besides: list[str]  # true as well, and not enough to name a mistake


class Judged(NamedTuple):
    """The doctor's answer for one file."""

    path: Path
    verdict: str
    names: list[str]
    notes: list[str]
    complaint: str | None
    seconds: float

    @property
    def outcome(self) -> str:
        """The answer in one word; see ``outcome``."""
        truth, kind = truths(self.path), kind_of(self.path)
        return outcome(kind, truth, self.verdict, self.names, self.notes)


def outcome(
    kind: str, truth: Truth, verdict: str, names: Sequence[str], notes: Sequence[str] = ()
) -> str:
    """``kind``: "right", "wrong" or "unstable", the truth. The answer is

    ``right`` or ``alarm`` for right code;
    ``false`` where a name is not true;
    ``missed`` where wrong code is called correct, or wrong and unstable are confused;
    ``named`` where every mistake has a true name, ``in part`` where only some have;
    ``described`` where there is no name.
    """
    if kind == "right":
        return "right" if verdict == "correct" else "alarm"
    true = [*(name for mistake in truth.mistakes for name in mistake), *truth.besides]
    if not all(any(same(name, other) for other in true) for name in names):
        return "false"
    if verdict != kind:
        return "missed"
    if not names:
        return "described"
    said = [*names, *notes]
    complete = all(any(same(a, b) for a in said for b in mistake) for mistake in truth.mistakes)
    return "named" if complete else "in part"


def same(name: str, other: str) -> bool:
    """Whether two names agree: word for word, and in numbers to three digits."""
    a, b = name.split(", "), other.split(", ")
    return len(a) == len(b) and all(map(same_part, a, b))


def same_part(a: str, b: str) -> bool:
    try:
        return f"{float(a):.2e}" == f"{float(b):.2e}"
    except ValueError:
        return a == b


@cache
def entries() -> dict[str, Any]:
    """``entries.json``."""
    found: dict[str, Any] = json.loads((FOLDER / "entries.json").read_text(encoding="utf-8"))
    return found


def truths(path: Path) -> Truth:
    """The names that are true for a file."""
    mistakes = entries().get(path.parent.name, {}).get(path.stem, [])
    return Truth(mistakes, entries()["true besides"].get(path.stem, []))


def head(path: Path) -> dict[str, str]:
    """The fields of a file's head."""
    fields = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        if found := HEAD.match(line):
            fields[found[1]] = found[2]
    return fields


def kind_of(path: Path) -> str:
    """The truth in one word."""
    truth = head(path)["truth"]
    return "unstable" if "exact for ordinary" in truth else truth.split(";")[0].split()[0]


def judged(path: Path) -> Judged:
    """What ``bigram check`` says of one file. Raises ``UserError`` where it asks for an adapter."""
    fields = head(path)
    options = fields.get("options", "").split()
    settings: dict[str, Any] = {
        "dtype": options[options.index("--dtype") + 1] if "--dtype" in options else "float64",
        "limit": float(options[options.index("--limit") + 1]) if "--limit" in options else 300.0,
    }
    subject, started = f"{path}:{fields['call']}", time.perf_counter()
    if "optimizers" in path.parent.name or "--optimizer" in options:
        result = bigram.check_optimizer(subject, **settings)
    else:
        settings |= {
            name: f"--{name.replace('_', '-')}" in options
            for name in ("loss_only", "gradient_only")
        }
        result = bigram.check(subject, **settings)
    seconds = time.perf_counter() - started
    notes = result.to_dict()["notes"]
    return Judged(path, result.verdict, result.diagnosis, notes, result.complaint, seconds)


def files_of(folder: str) -> list[Path]:
    """The files of a folder whose packages are installed."""
    return [
        path
        for path in sorted((FOLDER / folder).glob("*.py"))
        if all(importlib.util.find_spec(package) for package in needs(path))
    ]


def needs(path: Path) -> list[str]:
    """The packages that a file imports besides NumPy and torch."""
    words = head(path).get("needs", "").split(", ")
    return [word for word in words if word not in ("", "none")]


def judged_all(paths: Iterable[Path]) -> list[Judged]:
    """Every file that the doctor can call as it is; one line is printed for each."""
    rows = []
    for path in paths:
        try:
            row = judged(path)
        except bigram.UserError as error:
            print(f"{'refused':9} {path.stem}: {error}", flush=True)
            continue
        rows.append(row)
        truth = " + ".join("|".join(names) or "-" for names in truths(path).mistakes)
        said = " + ".join(row.names) or "-"
        if row.complaint:
            said += f" | {row.complaint[:90]}"
        print(
            f"{row.outcome:9} {row.seconds:5.1f} s {path.stem} [{kind_of(path)}: {truth}] "
            f"-> {row.verdict}: {said}",
            flush=True,
        )
    return rows


# --- the committed results and the page -----------------------------------------------------------

Results = dict[str, dict[str, dict[str, Any]]]  # by folder and file: verdict, outcome, names


def record(rows: Iterable[Judged]) -> dict[str, dict[str, Any]]:
    """The answers of one folder, ready for JSON."""
    return {
        row.path.stem: {"verdict": row.verdict, "outcome": row.outcome, "names": row.names}
        for row in rows
    }


def results() -> Results:
    """The committed results."""
    found: Results = json.loads(RESULTS.read_text(encoding="utf-8"))
    return found


def counts(found: Results, folder: str) -> Counter[str]:
    """How many files of a folder have each outcome."""
    return Counter(row["outcome"] for row in found[folder].values())


def share(part: int, whole: int) -> str:
    """A count and its percentage, rounded down."""
    return f"{part} ({100 * part // whole} %)"


def tables(found: Results) -> str:
    """The part of the page: both tables, and every file that is not named."""
    wrong = []
    for folder in WRONG:
        count, rows = counts(found, folder), found[folder]
        unstable = [stem for stem in rows if kind_of(FOLDER / folder / f"{stem}.py") == "unstable"]
        rightly = sum(rows[stem]["verdict"] == "unstable" for stem in unstable)
        wrongly = [stem for stem in rows if stem not in unstable]
        called = sum(rows[stem]["verdict"] == "wrong" for stem in wrongly)
        wrong.append(
            [
                f"`{folder}`",
                str(len(rows)),
                f"{called} of {len(wrongly)}",
                f"{rightly} of {len(unstable)}",
                share(count["named"], len(rows)),
                *(str(count[name]) for name in ("in part", "described", "false", "missed")),
            ]
        )
    right = [
        [f"`{folder}`", str(len(found[folder])), str(counts(found, folder)["alarm"])]
        for folder in RIGHT
    ]
    unnamed = [
        [
            f"`{stem}`",
            escaped(head(FOLDER / folder / f"{stem}.py")["what"]),
            row["outcome"] + "".join(f"; {escaped(name)}" for name in row["names"]),
        ]
        for folder in WRONG
        for stem, row in sorted(found[folder].items())
        if row["outcome"] != "named"
    ]
    headings = (
        "folder, files, called wrong, called unstable, named, in part, described, false, missed"
    )
    return "\n".join(
        [
            markdown.table(headings.split(", "), wrong, "lr"),
            markdown.table(["folder", "files", "false alarms"], right, "lr"),
            markdown.table(["not named", "the mistake", "the answer"], unnamed),
        ]
    )


def escaped(text: str) -> str:
    """Text for the cell of a table."""
    return re.sub(r"([|*<_])", r"\\\1", text)


def sentence(found: Results) -> str:
    """The paragraph before the tables."""
    files = {folder: len(found[folder]) for folder in (*WRONG, *RIGHT)}
    count = {folder: counts(found, folder) for folder in files}
    missed, false, alarms = (
        sum(c[name] for c in count.values()) for name in ("missed", "false", "alarm")
    )
    gradients, optimizers = (
        f"{share(count[folder]['named'], files[folder])} of the {files[folder]} wrong {of}"
        for folder, of in zip(WRONG, ("gradients", "optimizers"), strict=True)
    )
    return textwrap.fill(
        f"The doctor names every mistake, with its constant, in {gradients} and in {optimizers}. "
        f"It misses {missed}, gives {false} a false name, and calls {alarms} of the "
        f"{sum(files[folder] for folder in RIGHT)} right ones anything but correct.",
        width=110,
        break_on_hyphens=False,
    )


def write(new: Results) -> None:
    """Writes the results, and the part of the page that is made of them."""
    page = PAGE.read_text(encoding="utf-8")
    if RESULTS.exists():
        page = page.replace(sentence(results()), sentence(new))
    page = markdown.with_blocks(page, lambda name: tables(new) if name == BLOCK else None)
    text = ",\n".join(
        f" {json.dumps(folder)}: {{\n"
        + ",\n".join(f"  {json.dumps(stem)}: {json.dumps(row)}" for stem, row in rows.items())
        + "\n }"
        for folder, rows in new.items()
    )
    replace_file(RESULTS, f"{{\n{text}\n}}\n".encode())
    replace_file(PAGE, page.encode("utf-8"))


def main(arguments: list[str]) -> None:
    """The command line; see above."""
    if arguments == ["--table"]:
        print(tables(results()), end="")
        return
    if arguments[:1] == ["--write"]:
        folders = arguments[1:] or [*WRONG, *RIGHT]
        new = {folder: record(judged_all(files_of(folder))) for folder in folders}
        found = new if len(new) == 4 else results() | new
        write(found)
        print(sentence(found))
        return
    for path in [Path(argument).resolve() for argument in arguments]:
        rows = judged_all([path] if path.is_file() else files_of(path.name))
        total = Counter(row.outcome for row in rows)
        print(f"{path.name}: {len(rows)} files;", ", ".join(f"{n} {o}" for o, n in total.items()))


if __name__ == "__main__":
    main(sys.argv[1:])
