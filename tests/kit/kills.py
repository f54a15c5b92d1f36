"""Runs that are killed with SIGKILL at random moments, and what is left: ``python -m
tests.kit.kills 200``.

A run is begun, killed, resumed, killed again, until it gets through; then the next is begun.
Evaluations are so frequent that a good part of the time goes into saving.
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bigram.runs.checkpoint import CheckpointError, load_checkpoint
from bigram.runs.folder import checkpoints
from common.files import TEMPORARY

TEXT = "To be, or not to be: that is the question.\n"
STEPS = 200
OPTIONS = ["--steps", str(STEPS), "--eval-interval", "5", "--eval-iters", "2"]


def run(corpus: Path, out: Path, *more: str) -> subprocess.Popen[str]:
    """``bigram train`` into ``out``, in a separate process."""
    command = [
        sys.executable,
        "-m",
        "bigram",
        "train",
        "--backend",
        "numpy",
        "--corpus",
        str(corpus),
    ]
    return subprocess.Popen(
        [*command, "--out", str(out), *OPTIONS, *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def figures(kills: int, seed: int) -> dict[str, Any]:
    """Kills so many runs at moments that ``seed`` decides, and counts what came of it. ``problems``
    says what should not have happened, line by line: a file that does not load, a run that cannot
    be resumed or that ends in other bytes than the one that was never interrupted."""
    moments = random.Random(seed)
    found: dict[str, Any] = {
        "kills": 0,
        "while_saving": 0,
        "before_the_first_checkpoint": 0,
        "files_loaded": 0,
        "runs_finished": 0,
        "problems": [],
    }
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "hamlet.txt"
        corpus.write_text(TEXT * 3, encoding="utf-8")
        whole = Path(folder) / "whole"
        with run(corpus, whole) as process:
            assert process.stdout is not None
            process.stdout.readline()  # training begins
            begun = time.perf_counter()
            text = sample(process.communicate()[0])
            seconds = time.perf_counter() - begun
        expected = {path.name: path.read_bytes() for path in checkpoints(whole)}

        while found["kills"] < kills:
            out = Path(folder) / f"run-{found['runs_finished']}"
            resume: list[str] = []
            while found["kills"] < kills:
                with run(corpus, out, *resume) as process:
                    assert process.stdout is not None
                    process.stdout.readline()
                    time.sleep(moments.uniform(0, seconds))
                    finished = process.poll() is not None
                    process.kill()
                    process.wait()
                found["kills"] += not finished
                found["while_saving"] += any(out.glob(f".*{TEMPORARY}"))
                for path in checkpoints(out):
                    try:
                        load_checkpoint(path)
                        found["files_loaded"] += 1
                    except CheckpointError as error:
                        found["problems"].append(str(error))
                resume = ["--resume"] if checkpoints(out) else []
                found["before_the_first_checkpoint"] += not resume
                if finished:
                    break
            with run(corpus, out, *resume) as process:
                printed, errors = process.communicate()
            if process.returncode != 0:
                found["problems"].append(errors.strip())
            elif {path.name: path.read_bytes() for path in checkpoints(out)} != expected:
                found["problems"].append(f"{out.name} ends in other checkpoints")
            elif sample(printed) != text:
                found["problems"].append(f"{out.name} ends in another text")
            if list(out.glob(f".*{TEMPORARY}")):
                found["problems"].append(f"{out.name} has a temporary file left")
            found["runs_finished"] += 1
    return found


def sample(printed: str) -> str:
    """The text that a run ends with."""
    return printed.split("evaluation included\n", 1)[-1]


if __name__ == "__main__":
    print(json.dumps(figures(int(sys.argv[1]), seed=0), indent=2))
