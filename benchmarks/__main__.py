"""Measures this machine and writes the pages on speed and cost:

    python -m benchmarks          one thread, then all cores: about 13 minutes on idle cores
    python -m benchmarks --gpu    the accelerator, the NumPy step on the CPU beside it: some minutes

Each run is a ``pytest --benchmark-only`` that is printed first; its raw rounds go to
``benchmarks/results``.
"""

import os
import shlex
import subprocess
import sys

from benchmarks.harness import machine
from benchmarks.report.__main__ import main as report
from benchmarks.report.results import FOLDER

QUICKER = ["--benchmark-max-time=0.3"]


def measure(threads: int, name: str, *selected: str) -> int:
    """One run of the benchmarks on so many threads, to the file of that name. Returns pytest's
    status."""
    words = [
        "pytest",
        "--benchmark-only",
        "-q",
        f"--benchmark-json={FOLDER / name}.json",
        *selected,
    ]
    print(f"OMP_NUM_THREADS={threads} {shlex.join(words)}", flush=True)
    command = [sys.executable, "-m", *words]
    return subprocess.run(command, env=os.environ | {"OMP_NUM_THREADS": str(threads)}).returncode


def main(argv: list[str]) -> int:
    """The command line; see above."""
    if argv == ["--gpu"]:
        if "accelerator" not in machine.hardware():
            print("benchmarks: torch finds no accelerator here", file=sys.stderr)
            return 2
        card = machine.slug(machine.hardware()["accelerator"])
        status = measure(1, card, "-k", "cuda or mps or (test_step and numpy-step)")
    elif argv:
        print(__doc__, file=sys.stderr)
        return 2
    else:
        processor, cores = machine.slug(machine.processor()), os.cpu_count() or 1
        status = measure(1, processor, "-k", "not cuda and not mps")
        if cores > 1:
            selected = ["-k", "test_step and not cuda and not mps", *QUICKER]
            status = status or measure(cores, f"{processor}-all-cores", *selected)
    return report([]) or status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
