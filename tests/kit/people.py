"""Judges folders of code that people wrote, each file with its truth in its head:
``python -m tests.kit.people FOLDER...`` prints one line a file, and the totals."""

import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import bigram

HEAD = re.compile(r"^# ([\w ']+): (.*)$")


class Judged(NamedTuple):
    path: Path
    truth: str  # "right", "wrong" or "unstable"
    expected: str  # the names that a diagnosis must convey
    verdict: str
    names: list[str]
    complaint: str | None
    seconds: float

    @property
    def missed(self) -> bool:
        """Wrong code that was called correct, or unstable code that was called otherwise."""
        if self.truth == "right":
            return False
        return self.verdict == "correct" or (self.truth == "unstable") != (
            self.verdict == "unstable"
        )

    @property
    def alarm(self) -> bool:
        """Right code that was called anything else."""
        return self.truth == "right" and self.verdict != "correct"


def head(path: Path) -> dict[str, str]:
    """The fields of a file's head."""
    fields = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        if found := HEAD.match(line):
            fields[found[1]] = found[2]
    return fields


def truth_of(fields: dict[str, str]) -> str:
    """The truth in one word."""
    truth = fields["truth"]
    return "unstable" if "exact for ordinary" in truth else truth.split(";")[0].split()[0]


def judged(path: Path) -> Judged:
    """What ``bigram check`` says of one file."""
    fields = head(path)
    options = fields.get("options", "").split()
    settings: dict[str, Any] = {
        "dtype": options[options.index("--dtype") + 1] if "--dtype" in options else "float64",
        "limit": float(options[options.index("--limit") + 1]) if "--limit" in options else 30.0,
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
    expected = fields.get("names", fields.get("what", ""))
    said = (result.verdict, result.diagnosis, result.complaint)
    return Judged(path, truth_of(fields), expected, *said, seconds)


def judged_in(folder: Path) -> Iterator[Judged]:
    """Every file of a folder."""
    yield from (judged(path) for path in sorted(folder.glob("*.py")) if "call" in head(path))


def main(folders: list[str]) -> None:
    """Prints what is said of every file, and the totals of each folder."""
    for folder in map(Path, folders):
        rows = []
        for path in [folder] if folder.is_file() else sorted(folder.glob("*.py")):
            try:
                row = judged(path)
            except Exception as error:
                print(f"{'error':9} {path.stem}: {type(error).__name__}: {error}")
                continue
            rows.append(row)
            mark = "MISSED" if row.missed else "ALARM" if row.alarm else ""
            said = " + ".join(row.names) or "-"
            if row.complaint:
                said += f" | {row.complaint[:90]}"
            truth = f"[{row.truth}: {row.expected}]"
            print(
                f"{row.verdict:9}{row.seconds:5.1f} s {mark} {path.stem} {truth} -> {said}",
                flush=True,
            )
        print(
            f"{folder}: {len(rows)} files, {sum(r.missed for r in rows)} missed, "
            f"{sum(r.alarm for r in rows)} alarms, {sum(bool(r.names) for r in rows)} named"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
