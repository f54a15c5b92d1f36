"""The cost of a text larger than memory: ``python -m tools.big_corpus``, some minutes and 4 GB of
disk.

Two gigabytes, tiny Shakespeare again and again, are encoded, loaded a second time, and trained on
by both backends, each in a separate process. Prints its seconds, the largest memory that was
resident, and how much of it was not the mapped corpus. Not on Windows.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from common.text.corpus import load_corpus

LOAD = "import sys; from common.text.corpus import load_corpus; load_corpus(sys.argv[1])"


def own_megabytes(pid: int) -> float:
    """Megabytes that a process holds now, without the pages of files that it has mapped, which the
    system takes back as it needs them. 0 where the system does not tell."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    lines = [line for line in status.splitlines() if line.startswith("RssAnon:")]
    return int(lines[0].split()[1]) * 1024 / 1e6 if lines else 0.0


def run(*command: str, **environment: str) -> tuple[float, float, float]:
    """Seconds that a Python process took, megabytes that were resident at its worst, and its own
    among them, looked at 50 times a second."""
    start, own = time.perf_counter(), 0.0
    process = subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.DEVNULL, env=os.environ | environment
    )
    while True:
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        if ended:
            break
        own = max(own, own_megabytes(process.pid))
        time.sleep(0.02)
    seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"{command} failed")
    in_bytes = 1 if sys.platform == "darwin" else 1024
    return seconds, usage.ru_maxrss * in_bytes / 1e6, own


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--megabytes", type=int, default=2000, help="of the text (default %(default)s)"
    )
    megabytes = parser.parse_args().megabytes

    corpus = load_corpus()
    text = corpus.tokenizer.decode(np.concatenate([corpus.train, corpus.val])).encode("utf-8")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "big.txt"
        with path.open("wb") as file:
            while file.tell() < megabytes * 1e6:
                file.write(text)
            os.fsync(file.fileno())  # or the first process would be timed while this is written
        size = path.stat().st_size / 1e6
        load = ("-c", LOAD, str(path))
        train = ("-m", "bigram", "train", "--corpus", str(path), "--backend")
        for doing, command in (
            ("read, hashed and encoded", load),
            ("read, hashed and found", load),
            ("trained, numpy", (*train, "numpy")),
            ("trained, torch", (*train, "torch")),
        ):
            seconds, resident, own = run(*command, BIGRAM_CACHE_DIR=folder, OMP_NUM_THREADS="1")
            memory = f"{resident:5.0f} MB resident, {own:4.0f} MB its own"
            print(f"{doing:<25} {seconds:6.1f} s  {size / seconds:5.0f} MB/s  {memory}", flush=True)


if __name__ == "__main__":
    main()
