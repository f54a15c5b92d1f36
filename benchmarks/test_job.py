"""The whole published job as a reader starts it, a process with all its imports: text in, 5,000
updates of 32 x 8 tokens, evaluations on the way, 500 characters out. One round.

    bigram train --backend numpy                     exact losses of both splits at 11 points
    bigram train --backend numpy --eval-iters 200    losses of 200 random batches of each split
    plain_torch.py                                   the same 200 batches, at its own 11 points
    bigram train --backend torch                     exact losses, and this project's batches
"""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.harness.interleave import Group, Job, Unavailable, last_result
from benchmarks.harness.work import FORMS
from common.text.corpus import Corpus

ROOT = Path(__file__).parent.parent
NAMES = tuple(name for name in FORMS if name.startswith("job-"))
ENDS = (2.50, 2.65)  # the validation loss that the schedule ends at, for any seed


def command(name: str, text: Path) -> list[str]:
    """The command line. All read the same text from a file."""
    train = ["-m", "bigram", "train", "--json", "--corpus", str(text)]
    return [
        sys.executable,
        *{
            "job-numpy": [*train, "--backend", "numpy"],
            "job-numpy-sampled": [*train, "--backend", "numpy", "--eval-iters", "200"],
            "job-torch": [*train, "--backend", "torch"],
            "job-torch-plain": [str(ROOT / "benchmarks" / "forms" / "plain_torch.py"), str(text)],
            "job-import-numpy": ["-c", "import numpy"],
            "job-import-torch": ["-c", "import torch"],
        }[name],
    ]


def check(name: str, printed: str, _: int) -> None:
    """The loss must have come down to where the schedule ends, and 500 characters must be there."""
    if name.startswith("job-import"):
        assert printed == ""
    elif name == "job-torch-plain":
        lines = printed.splitlines()
        assert len([line for line in lines if line.startswith("step ")]) == 11
        assert lines[10].startswith("step 4999: ")
        assert ENDS[0] < float(lines[10].rpartition(" ")[2]) < ENDS[1]
        assert len(printed.split("\n", 11)[11]) == 502  # the newline it starts from, and print's
    else:
        result = json.loads(printed)
        assert [point["step"] for point in result["history"]] == list(range(0, 5001, 500))
        assert ENDS[0] < result["history"][-1]["val"] < ENDS[1]
        assert len(result["sample"]["text"]) == 500


@pytest.mark.parametrize("form", NAMES)
def test_whole_job(row: Callable, corpus: Corpus, tmp_path: Path, form: str) -> None:
    def make() -> Group:
        text = tmp_path / "text.txt"
        characters = corpus.tokenizer.decode(np.concatenate([corpus.train, corpus.val]))
        text.write_text(characters, encoding="utf-8", newline="")
        environment = os.environ | {"PYTHONPATH": str(ROOT)}

        def job(name: str) -> Job:
            if "torch" in name and not importlib.util.find_spec("torch"):
                raise Unavailable("torch is not installed")
            words = command(name, text)
            library = "torch" if "torch" in name else "numpy"
            subprocess.run([sys.executable, "-c", f"import {library}"], check=True)
            where: Any = {"cwd": tmp_path, "env": environment, "encoding": "utf-8"}
            return last_result(lambda _: subprocess.check_output(words, **where))

        info = {"vocab_size": 65, "tokens": 256, "dtype": "float32"}
        return Group(job, check, 1, 0.0, info, once=True)

    row(make, "the whole job, 5,000 steps, imports included", form)
