"""Proves that a run which is interrupted, killed, out of disk, shut out, or diverging loses nothing
that was saved, and says in one line what happened."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bigram.cli import main
from bigram.runs import records, report, train
from bigram.runs.alone import Alone
from bigram.runs.checkpoint import load_checkpoint
from bigram.runs.folder import RunFolder, checkpoints
from bigram.runs.interruptions import interruptible
from bigram.runs.train import Run
from common.config import Config
from common.errors import DivergedError
from common.text.corpus import load_corpus
from tests.kit import HANG, ROOT, kills

TEXT = "To be, or not to be: that is the question.\n" * 3
posix = pytest.mark.skipif(os.name != "posix", reason="signals and limits are POSIX")


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "hamlet.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def arguments(text: Path, *more: object, backend: str = "numpy") -> list[str]:
    return ["train", "--backend", backend, "--corpus", str(text), *map(str, more)]


def numpy_run(text: Path, config: Config) -> Run:
    return Run(load_corpus(text), config, Alone().trainer_maker("numpy", "cpu", "", bool))


def start(command: list[str], before: str = "") -> subprocess.Popen[str]:
    """``bigram`` in a separate process, which runs the code ``before`` first; training has
    begun."""
    code = f"import sys; from bigram.cli import main\n{before}\nsys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("step      0"):
            break
    return process


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@posix
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_after_its_step_and_saves(
    text: Path, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    out = tmp_path / "run"
    schedule = ["--steps", 10**9, "--eval-interval", 10**9]
    with start(arguments(text, "--out", out, *schedule)) as process:
        process.send_signal(number)
        printed, errors = process.communicate(timeout=HANG)
    assert process.returncode == status
    assert printed == ""
    newest = checkpoints(out)[0]
    step = load_checkpoint(newest).step
    assert (
        errors
        == f"bigram: interrupted after step {step:,}: saved as {newest}; go on with --resume\n"
    )

    # It goes on as if nothing had happened: here to an end five steps on.
    end = ["--steps", step + 5]
    assert main(arguments(text, "--out", out, "--resume", *end)) == 0
    whole = tmp_path / "whole"
    assert main(arguments(text, "--out", whole, "--eval-interval", 10**9, *end)) == 0
    assert checkpoints(out)[0].read_bytes() == checkpoints(whole)[0].read_bytes()


@posix
def test_without_a_folder_a_signal_saves_nothing_and_says_so(text: Path) -> None:
    with start(arguments(text, "--steps", 10**9, "--eval-interval", 10**9)) as process:
        process.send_signal(signal.SIGINT)
        printed, errors = process.communicate(timeout=HANG)
    assert (process.returncode, printed) == (130, "")
    assert re.fullmatch(
        r"bigram: interrupted after step [\d,]+: nothing saved without --out\n", errors
    )


@posix
def test_a_second_signal_ends_at_once_and_harms_nothing(text: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    # Once step 0 is saved, saving hangs, as on a disk that does not answer.
    before = (
        "import os, time; fsync, calls = os.fsync, []\n"
        "def hang(descriptor):\n"
        "    calls.append(descriptor)\n"
        "    if len(calls) > 2:\n"
        "        print('hangs', flush=True); time.sleep(600)\n"
        "    fsync(descriptor)\n"
        "    if len(calls) == 2:\n"
        "        print('saved', flush=True)\n"
        "os.fsync = hang"
    )
    schedule = ["--steps", 10**9, "--eval-interval", 10**9]
    with start(arguments(text, "--out", out, *schedule), before) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "saved\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "hangs\n"
        assert any(path.name.endswith(".tmp") for path in out.iterdir())
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=HANG) == ("", "")
    assert process.returncode == 130
    assert sorted(contents(out)) == ["lock", "step-0.safetensors"]
    assert load_checkpoint(out / "step-0.safetensors").step == 0


@posix
def test_handlers_are_there_while_training_and_no_longer() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with interruptible() as interruption:
        assert not interruption.signal
        os.kill(os.getpid(), signal.SIGTERM)
        assert (interruption.signal, interruption.status) == (signal.SIGTERM, 143)
        with pytest.raises(SystemExit) as raised:
            os.kill(os.getpid(), signal.SIGINT)
        assert raised.value.code == 130
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before

    def elsewhere() -> None:
        with interruptible() as other:
            found.append((other.signal, signal.getsignal(signal.SIGINT)))

    found: list = []
    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert found == [(None, before[0])]


@posix
def test_a_full_disk_is_one_line_and_the_old_checkpoint_stays(text: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert main(arguments(text, "--out", out, "--steps", 20, "--eval-interval", 10)) == 0
    before = contents(out)
    size = len(before["step-20.safetensors"])
    limit = (
        f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({size - 100}, {size - 100}))"
    )
    more = arguments(text, "--out", out, "--resume", "--steps", 40)
    with start(more, limit) as process:
        errors = process.stderr.read() if process.stderr else ""
    assert process.returncode == 2
    assert errors.splitlines()[1:] == [
        f"bigram: cannot save {out}/step-30.safetensors: File too large; "
        "checkpoints that were there before are untouched"
    ]
    assert contents(out) == before  # and no temporary file
    assert main(more) == 0


def test_a_folder_that_vanishes_is_one_line(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    line = report.evaluation_line

    def vanish(step: int, *losses: float) -> str:
        if step == 10:
            shutil.rmtree(out)
        return line(step, *losses)

    monkeypatch.setattr(train, "evaluation_line", vanish)
    assert main(arguments(text, "--out", out, "--steps", 20, "--eval-interval", 10)) == 2
    assert capsys.readouterr().err == (
        f"bigram: cannot save {out / 'step-10.safetensors'}: No such file or directory; "
        "checkpoints that were there before are untouched\n"
    )


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_a_folder_that_cannot_be_written_to_is_one_line(
    text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tmp_path.chmod(0o555)
    assert main(arguments(text, "--out", tmp_path / "run")) == 2
    assert "Permission denied; give another folder" in capsys.readouterr().err
    tmp_path.chmod(0o755)


def test_a_second_run_is_kept_out(
    text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    short = ["--steps", 2]
    with RunFolder(out, resume=False):
        for options in ([], ["--resume"]):
            assert main(arguments(text, "--out", out, *short, *options)) == 2
            assert capsys.readouterr() == (
                "",
                f"bigram: {out} is in use by another run; wait for it, or give another folder\n",
            )
    assert main(arguments(text, "--out", out, *short)) == 0


def test_what_a_killed_save_left_is_cleared_away(text: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / ".step-5.safetensors.0123abcd.tmp").write_bytes(b"half")
    (out / "notes.tmp").write_bytes(b"mine")
    # which nothing here made, and nothing here minds
    (out / ".step-6.safetensors.0123abcd.tmp").mkdir()
    assert main(arguments(text, "--out", out, "--steps", 2)) == 0
    (out / ".step-6.safetensors.0123abcd.tmp").rmdir()
    assert sorted(contents(out)) == [
        "lock",
        "notes.tmp",
        "step-0.safetensors",
        "step-2.safetensors",
    ]


def test_what_a_killed_run_had_no_time_to_remove_is_removed(text: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = arguments(text, "--out", out, "--steps", 4, "--eval-interval", 2)
    assert main(command) == 0
    shutil.copy(out / "step-2.safetensors", out / "step-0.safetensors")
    assert main([*command, "--resume"]) == 0
    assert sorted(contents(out)) == ["lock", "step-2.safetensors", "step-4.safetensors"]


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_diverging_training_stops_and_keeps_what_is_good(
    text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], backend: str
) -> None:
    if backend == "torch":
        pytest.importorskip("torch")
    out = tmp_path / "run"
    command = arguments(text, "--lr", 1e30, "--eval-interval", 1, "--out", out, backend=backend)
    assert main(command) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith("bigram: training diverged: after ")
    assert printed.err.endswith(" is not finite; use a smaller --lr\n")
    assert len(printed.err.splitlines()) == 1
    kept = checkpoints(out)
    assert kept
    for path in kept:
        load_checkpoint(path)
    before = contents(out)
    assert main([*command, "--resume"]) == 1  # no further the second time
    assert contents(out) == before
    capsys.readouterr()
    assert main(arguments(text, "--lr", 1e30, backend=backend)) == 1
    # Found at the very step, long before the next evaluation.
    assert re.search(r"after [1-9] updates the loss is not finite", capsys.readouterr().err)


@pytest.mark.parametrize("name", ["weight", "exp_avg", "exp_avg_sq"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_tensors_are_looked_at_where_the_loss_is_still_finite(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: float
) -> None:
    make = records.make_trainer
    reached: list[int] = []

    def make_and_spoil(*args: Any) -> Any:
        trainer: Any = make(*args)
        step = trainer.step

        def spoilt(idx: np.ndarray, targets: np.ndarray) -> float:
            loss = step(idx, targets)
            if len(reached) == 10:
                getattr(trainer.state(), name)[0, 0] = value
            return loss

        trainer.step = spoilt
        trainer.evaluate = lambda counts: 1.0  # as if no pair of the text met the entry
        return trainer

    monkeypatch.setattr(records, "make_trainer", make_and_spoil)
    config = Config(max_iters=20, eval_interval=10)
    with RunFolder(tmp_path / "run", resume=False) as folder:
        with pytest.raises(DivergedError, match=f"after 10 updates {name} is not finite"):
            numpy_run(text, config).finish(folder, str, reached.append)
        assert [path.name for path in checkpoints(folder.path)] == ["step-0.safetensors"]


@posix
def test_killed_runs_lose_nothing() -> None:
    found = kills.figures(3, seed=0)
    assert found["problems"] == []
    assert found["kills"] == 3
    assert found["files_loaded"] >= 1
    assert found["runs_finished"] >= 1


@posix
@pytest.mark.slow
def test_two_hundred_killed_runs_lose_nothing() -> None:
    found = kills.figures(200, seed=1)
    assert found["problems"] == []
    assert found["kills"] == 200
    assert found["while_saving"] >= 20


def grown(text: Path, out: Path, steps: int) -> tuple[int, int]:
    """What a run that saves 100 times has more of at its end than after a tenth of its steps: bytes
    of memory, and open files (0 where the system does not list them)."""
    seen: list[tuple[int, int]] = []

    def look(step: int) -> None:
        if step in (steps // 10, steps):
            descriptors = Path("/proc/self/fd")
            files = len(list(descriptors.iterdir())) if descriptors.exists() else 0
            seen.append((tracemalloc.get_traced_memory()[0], files))

    config = Config(max_iters=steps, eval_interval=steps // 100, batch_size=2, block_size=2)
    tracemalloc.start()
    try:
        with RunFolder(out, resume=False) as folder:
            numpy_run(text, config).finish(folder, len, look)
    finally:
        tracemalloc.stop()
    (memory, files), (later, files_later) = seen
    return later - memory, files_later - files


def test_memory_and_open_files_stay_flat(text: Path, tmp_path: Path) -> None:
    memory, files = grown(text, tmp_path / "run", 2_000)
    assert memory < 90 * 1000  # 90 evaluations more in the history, and nothing else
    assert files == 0


@pytest.mark.slow
def test_memory_and_open_files_stay_flat_over_200_000_steps(text: Path, tmp_path: Path) -> None:
    memory, files = grown(text, tmp_path / "run", 200_000)
    assert memory < 90 * 1000
    assert files == 0
