"""The figures of ``docs/reliability.md``, measured.

    python -m tools.reliability            prints them, after minutes
    python -m tools.reliability --quick    after seconds: fewer of everything
    python -m tools.reliability --write    puts them into the page

Nothing is measured here that no test asserts: ``test_interruptions.py`` kills,
``test_damaged_checkpoints.py`` damages; fewer of each unless ``-m slow`` asks for all. The table of
bad input on the page is ``python -m tools.refresh tables``. It needs Linux or macOS.
"""

import argparse
import json
import resource
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from bigram import markdown
from bigram.runs.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from common.files import replace_file
from tests.bigram.runs.test_interruptions import grown
from tests.kit import kills, mutants

PAGE = Path(__file__).parents[1] / "docs" / "reliability.md"


def full_disk(every: int) -> dict[str, Any]:
    """Saves over a checkpoint while no file may be longer than 0 bytes, ``every``, twice that and
    so on, up to one too few. ``problems``: a save that got through, a file that is not what it was,
    or a second one."""
    found: dict[str, Any] = {"limits": 0, "problems": []}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        this = mutants.original(65, "float32", seed=0).checkpoint
        later = replace(this, step=this.step + 1, table=this.table + 1)
        save_checkpoint(path, this)
        before = path.read_bytes()
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        for limit in sorted({*range(0, len(before), every), len(before) - 1}):
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
            try:
                save_checkpoint(path, later)
                found["problems"].append(f"saved in {limit} bytes")
            except CheckpointError as error:
                if "File too large" not in str(error):
                    found["problems"].append(str(error))
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            if path.read_bytes() != before or [item.name for item in Path(folder).iterdir()] != [
                path.name
            ]:
                found["problems"].append(f"not as it was, at {limit} bytes")
            found["limits"] += 1
        save_checkpoint(path, later)  # and once there is room again
        if load_checkpoint(path).step != later.step:
            found["problems"].append("not saved with room enough")
    return found


def flat(steps: int) -> dict[str, Any]:
    """What a run of so many steps holds more at its end than after a tenth of them."""
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "hamlet.txt"
        text.write_text(kills.TEXT * 3, encoding="utf-8")
        memory, files = grown(text, Path(folder) / "run", steps)
    return {"steps": steps, "bytes": memory, "files": files}


def measure(quick: bool) -> dict[str, Any]:
    """All of it, ready for JSON."""
    return {
        "killed": kills.figures(5 if quick else 200, seed=1),
        "damaged": mutants.figures(2000 if quick else 100_000, seed=1),
        "full": full_disk(every=1000 if quick else 10),
        "flat": flat(2000 if quick else 200_000),
    }


def summary(found: dict[str, Any]) -> str:
    """The figures as a table. Raises ``AssertionError`` where one is not as the page says."""
    killed, damaged, full, grown_by = (
        found["killed"],
        found["damaged"],
        found["full"],
        found["flat"],
    )
    for part in (killed, damaged, full):
        assert part["problems"] == [], part["problems"]
    loaded, refused = (
        sum(counts.get(name, 0) for counts in damaged["kinds"].values())
        for name in ("loaded", "refused")
    )
    rows = {
        "runs killed with SIGKILL": (
            f"{killed['kills']:,}, {killed['while_saving']:,} of them while saving"
        ),
        "checkpoints they left": f"{killed['files_loaded']:,}, and every one loads",
        "runs resumed until they ended": (
            f"{killed['runs_finished']:,}, each in the very bytes and text of one that was never "
            "killed"
        ),
        "damaged checkpoints": (
            f"{damaged['files']:,}: {refused:,} refused, {loaded:,} loaded as saved, 0 anything "
            "else"
        ),
        "the slowest of them": (
            f"{damaged['slowest_ms']:.0f} ms of processor time; 100 are allowed"
        ),
        "the hungriest": f"{damaged['largest_mb']:.1f} MB; 64 are allowed",
        "disks full after so many bytes of a save": (
            f"{full['limits']:,}: one line each, and the checkpoint before stays the same to the "
            "byte"
        ),
        f"{grown_by['steps']:,} steps, saved 100 times": (
            f"{grown_by['bytes'] / 1000:.0f} kB more memory at the end than after a tenth of them, "
            f"which are 90 evaluations to report; {grown_by['files']} more open files"
        ),
    }
    return markdown.table(("what was done", "what came of it"), rows.items())


def damage(found: dict[str, Any]) -> str:
    """What was done to the checkpoints, and why they were refused."""
    damaged = found["damaged"]
    kinds = [
        (kind, f"{counts.get('refused', 0):,}", f"{counts.get('loaded', 0):,}")
        for kind, counts in damaged["kinds"].items()
    ]
    reasons = [(reason, f"{count:,}") for reason, count in damaged["reasons"].items()]
    done = markdown.table(("damage", "refused", "loaded as saved"), kinds, "lr")
    return f"{done}\n{markdown.table(('why it was refused', 'files'), reasons, 'lr')}"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="The figures of docs/reliability.md, measured.")
    parser.add_argument("--quick", action="store_true", help="fewer of everything")
    parser.add_argument("--write", action="store_true", help="put them into the page")
    args = parser.parse_args()
    found = measure(args.quick)
    print(json.dumps(found, indent=2, ensure_ascii=False))
    parts = {"figures": summary(found), "damage": damage(found)}
    print(parts["figures"])
    if args.write:
        replace_file(PAGE, markdown.rewritten([PAGE], parts.get)[PAGE])


if __name__ == "__main__":
    main()
