"""Proves that training in several processes is training in one: the same numbers up to the last
bits, however the batch is divided; one report; and one line of error where a process dies, hangs or
belongs to another run.

The arithmetic is tried with threads for processes, which cost nothing to start; then again with
real ones.
"""

import atexit
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

from bigram.runs.alone import Alone
from bigram.runs.folder import newest_checkpoint
from bigram.runs.optimum import count_shards
from bigram.runs.train import Run
from bigram.strict_json import plain
from common.config import Config
from common.errors import UserError
from common.text.corpus import Corpus, read_corpus
from common.training import TrainerState, initial_table, train
from tests.bigram.runs.test_optimum import TEXTS, write
from tests.kit import HANG, ROOT, one_in
from tests.kit.command import bigram

torch = pytest.importorskip("torch")

import torch.distributed as dist  # noqa: E402

from impl_torch.distributed import DistributedTrainer, add, gather, joined, my_part  # noqa: E402
from impl_torch.trainer import TorchTrainer  # noqa: E402

T = TypeVar("T")
CONFIG = Config(dtype="float64", max_iters=50, eval_interval=25)
SHORT = ["--steps", "20", "--eval-interval", "10", "--dtype", "float64"]
# What one process and several may differ by, in any number of a float64 run; 1.8e-15 is the most
# there was.
RESIDUAL = 1e-13

UNTRIED_ON_WINDOWS = pytest.mark.skipif(
    sys.platform == "win32", reason="torchrun is not tried on Windows"
)


def trained(
    trainer: Any, corpus: Corpus, config: Config, rng: np.random.Generator
) -> dict[str, Any]:
    """All that a run leaves: every loss, and the state at the end."""
    progress = list(train(trainer, corpus, config, rng))
    losses: list[Any] = [
        [p.loss for p in progress[1:]],
        [p.evaluation[1:] for p in progress if p.evaluation],
    ]
    return {
        "losses": np.concatenate([np.ravel(part) for part in losses]),
        **trainer.state()._asdict(),
    }


def train_alone(corpus: Corpus, config: Config) -> dict[str, Any]:
    rng = np.random.default_rng(config.seed)
    table = initial_table(corpus.tokenizer.vocab_size, config.dtype, rng)
    return trained(TorchTrainer(table, config), corpus, config, rng)


def train_together(corpus: Corpus, config: Config) -> dict[str, Any]:
    """One process's view of it."""
    rng = np.random.default_rng(config.seed)
    table = initial_table(corpus.tokenizer.vocab_size, config.dtype, rng)
    return trained(DistributedTrainer(table, config, "cpu", corpus.sha256), corpus, config, rng)


def largest_difference(one: dict[str, Any], other: dict[str, Any]) -> float:
    assert one.keys() == other.keys() == {"losses", *TrainerState._fields}
    return max(float(abs(one[name] - other[name]).max()) for name in one)


@pytest.fixture
def in_threads(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list]:
    """Calls a function of the rank in so many threads, each of which torch.distributed takes for a
    process. ``spoil`` is done to what each adds to a sum."""
    local = threading.local()

    def run(world_size: int, work: Callable[[int], T], spoil: Callable = torch.clone) -> list[T]:
        barrier, said = threading.Barrier(world_size), [None] * world_size

        def exchange(mine: Any) -> list[Any]:
            said[local.rank] = mine
            barrier.wait(timeout=HANG)
            everyone = list(said)
            barrier.wait(timeout=HANG)
            return everyone

        def start(rank: int) -> T:
            local.rank = rank
            return work(rank)

        monkeypatch.setattr(dist, "get_rank", lambda: local.rank)
        monkeypatch.setattr(dist, "get_world_size", lambda: world_size)
        monkeypatch.setattr(dist, "all_reduce", lambda mine: mine.copy_(sum(exchange(spoil(mine)))))
        monkeypatch.setattr(
            dist,
            "all_gather_object",
            lambda out, mine: out.__setitem__(slice(None), exchange(mine)),
        )
        with ThreadPoolExecutor(world_size) as pool:
            return list(pool.map(start, range(world_size)))

    return run


# fewer than processes, uneven, and even for some
@pytest.mark.parametrize("batch_size", [1, 2, 7, 32])
@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_any_division_into_processes_gives_the_whole_step(
    surrogate: Corpus, in_threads: Callable, world_size: int, batch_size: int
) -> None:
    config = replace(CONFIG, batch_size=batch_size)
    together = in_threads(world_size, lambda rank: train_together(surrogate, config))
    assert largest_difference(together[0], train_alone(surrogate, config)) <= RESIDUAL
    for other in together[1:]:  # what they have in common at the start they never lose
        assert largest_difference(together[0], other) == 0


def test_each_window_is_worked_on_once(in_threads: Callable, rng: np.random.Generator) -> None:
    idx, targets = rng.integers(5, size=(2, 7, 4))

    def seen(rank: int) -> list:
        trainer = DistributedTrainer(np.eye(5), CONFIG, "cpu", "")
        batches: list = []
        trainer.model.register_forward_pre_hook(lambda model, batch: batches.append(batch))
        trainer.step(idx, targets)
        return batches

    ((first,), (second,), (third,)) = in_threads(3, seen)
    assert [len(part[0]) for part in (first, second, third)] == [2, 2, 3]
    for part, whole in enumerate((idx, targets)):
        np.testing.assert_array_equal(torch.cat([first[part], second[part], third[part]]), whole)


def test_all_end_at_the_step_in_which_one_was_asked_to(
    in_threads: Callable, rng: np.random.Generator
) -> None:
    batch = rng.integers(5, size=(2, 2, 4))  # of three processes, the first has no window

    def run(rank: int) -> list[bool]:
        asked = [False, rank == 0, False]
        trainer = DistributedTrainer(np.eye(5), CONFIG, "cpu", "", lambda: asked[0])
        answers = []
        for _ in range(3):
            trainer.step(*batch)
            answers.append(trainer.interrupted)
            asked.pop(0)
        return answers

    assert in_threads(3, run) == [[False, True, False]] * 3


def test_the_mean_of_the_means_would_be_caught(surrogate: Corpus, in_threads: Callable) -> None:
    """The famous way, and why it so often goes unnoticed: between equal parts it is right."""

    def difference(batch_size: int) -> float:
        config = replace(CONFIG, batch_size=batch_size)
        wrong = in_threads(
            2, lambda rank: train_together(surrogate, config), spoil=lambda sums: sums / sums[-2]
        )
        return largest_difference(wrong[0], train_alone(surrogate, config))

    assert difference(32) <= RESIDUAL
    assert difference(7) > 1e-3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"lr": 0.5}, "lr is 0.001 in process 0 and 0.5 in process 1; start all of them alike"),
        ({"seed": 2}, "seed is 1337 in process 0 and 2 in process 1"),
        ({"batch_size": 31}, "batch_size is 32 in process 0 and 31 in process 1"),
        ({"dtype": "float32"}, "dtype is float64 in process 0 and float32 in process 1"),
        ({"corpus": "another"}, "corpus sha256 is one in process 0 and another in process 1"),
        (
            {"scale": 2},
            "sha256 of the first table is [0-9a-f]{64} in process 0 and [0-9a-f]{64} in process 1",
        ),
    ],
    ids=lambda value: "".join(value) if isinstance(value, dict) else "",
)
def test_a_process_of_another_run_is_refused_by_name(
    in_threads: Callable, change: dict, said: str
) -> None:
    def meet(rank: int) -> None:
        facts = {"corpus": "one", "scale": 1} | (change if rank == 1 else {})
        corpus, scale = facts.pop("corpus"), facts.pop("scale")
        config = replace(CONFIG, **facts)
        with pytest.raises(UserError, match=said):  # in all of them
            DistributedTrainer(scale * np.eye(5, dtype=config.dtype), config, "cpu", corpus)

    in_threads(2, meet)


@UNTRIED_ON_WINDOWS
@pytest.mark.slow
def test_processes_that_do_not_meet_get_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def meet(device: str) -> None:
        with joined(device, 1):
            pytest.fail("met whom?")

    for variable, value in (("RANK", "1"), ("WORLD_SIZE", "2"), ("MASTER_ADDR", "127.0.0.1")):
        monkeypatch.setenv(variable, value)
    monkeypatch.delenv("MASTER_PORT", raising=False)
    with pytest.raises(
        UserError, match=r"did not meet: .*MASTER_PORT expected, but not set; use torchrun"
    ):
        meet("cpu")
    monkeypatch.setenv("MASTER_PORT", str(free_port()))  # a closed port
    with pytest.raises(UserError, match=r"did not meet: .*timed out"):
        meet("cpu")
    with pytest.raises(UserError, match="several processes train on cpu or cuda, not on mps"):
        meet("mps")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(
        UserError, match="no GPU is left for process 2 of this machine, it has 2; start fewer"
    ):
        meet("cuda")


def test_files_are_dealt_out_among_the_processes_of_a_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = ["a", "b", "c"]
    assert my_part(files) == files
    for local_rank, part in enumerate((["a", "c"], ["b"])):
        monkeypatch.setenv("LOCAL_RANK", str(local_rank))
        monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
        assert my_part(files) == part


@pytest.mark.parametrize(
    "command",
    one_in(3, [["train", "--backend", "numpy"], ["compare"], ["check"]]),
    ids=lambda command: command[0],
)
def test_a_command_for_one_process_refuses_several(command: list[str]) -> None:
    several = {"WORLD_SIZE": "2", "RANK": "0", "LOCAL_RANK": "0"}
    result = bigram(*command, env=several)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        "bigram: only train --backend torch and optimum run in several processes; start it alone\n"
    )


@pytest.mark.parametrize("timeout", ["0", "-1", "nan", "1e9"])
def test_a_timeout_is_a_time(timeout: str) -> None:
    result = bigram("optimum", "--timeout", timeout)
    assert result.returncode == 2
    assert result.stderr.startswith("bigram: --timeout is ")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def start() -> Iterator[Callable[[list[list[str]]], list[subprocess.Popen[str]]]]:
    """Starts a process for each command, ranks in order, as ``torchrun`` would but on their own."""
    with contextlib.ExitStack() as started:

        def run(commands: list[list[str]]) -> list[subprocess.Popen[str]]:
            environment = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
            environment |= {"WORLD_SIZE": str(len(commands)), "PYTHONIOENCODING": "utf-8"}
            processes = []
            for rank, command in enumerate(commands):
                process = subprocess.Popen(
                    [sys.executable, *command],
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    encoding="utf-8",
                    env=os.environ | environment | {"RANK": str(rank)},
                )
                processes.append(started.enter_context(process))
                # also after a failure, and before it is waited for
                started.callback(process.kill)
            return processes

        yield run


def torchrun(*args: str) -> subprocess.CompletedProcess[str]:
    """The ``torchrun`` of docs/running.md, with another command."""
    readme = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
    line = re.search(r"^torchrun (.* -m bigram) train --backend torch$", readme, re.MULTILINE)
    assert line
    command = [sys.executable, "-m", "torch.distributed.run", *line[1].split(), *args]
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=HANG)


def work_of_one(folder: str) -> None:
    """What each of the real processes below does; it leaves its results in ``folder``."""
    texts, leaving = sorted(Path(folder).glob("*.txt")), Path(folder, "leaving")
    with joined("cpu", 60):
        rank = dist.get_rank()
        for batch_size in (32, 7, 2):
            result = train_together(read_corpus(texts[1]), replace(CONFIG, batch_size=batch_size))
            np.savez(f"{folder}/{batch_size}-{rank}.npz", **result)
        shards, tokenizer, counts = count_shards(map(read_corpus, texts[rank::3]), gather, add)
        if rank == 0:
            time.sleep(1)
            leaving.touch()
    assert leaving.exists()  # no process leaves while another is at work
    assert [shard.record.name for shard in shards] == ["a.txt", "b.txt", "c.txt"]
    assert tokenizer.vocab == tuple(sorted(set("".join(TEXTS))))
    np.save(f"{folder}/counts-{rank}.npy", counts)
    if sys.platform == "linux":
        threads = Path("/proc/self/task")
        there = len(list(threads.iterdir()))
        dist.destroy_process_group()
        atexit.unregister(dist.destroy_process_group)
        # All that gloo started are gone: one left over may abort the process while the interpreter
        # ends.
        assert len(list(threads.iterdir())) == 1 < there


@pytest.mark.slow
@UNTRIED_ON_WINDOWS
def test_three_real_processes_do_what_one_does(start: Callable, tmp_path: Path) -> None:
    files = [write(tmp_path / f"{name}.txt", text) for name, text in zip("abc", TEXTS, strict=True)]
    code = (
        f"from tests.impl_torch.test_distributed import work_of_one; work_of_one({str(tmp_path)!r})"
    )
    for process in start([["-c", code]] * 3):
        said = process.communicate(timeout=HANG)
        assert (process.returncode, *said) == (0, "", "")
    for batch_size in (32, 7, 2):  # uneven, uneven, and one process without a window
        together = [dict(np.load(tmp_path / f"{batch_size}-{rank}.npz")) for rank in range(3)]
        single = train_alone(read_corpus(files[1]), replace(CONFIG, batch_size=batch_size))
        assert largest_difference(together[0], single) <= RESIDUAL
        for other in together[1:]:
            assert largest_difference(together[0], other) == 0
    _, _, counts = count_shards(map(read_corpus, files), lambda mine: [mine], lambda own: own)
    for rank in range(3):
        np.testing.assert_array_equal(np.load(tmp_path / f"counts-{rank}.npy"), counts)


@UNTRIED_ON_WINDOWS
def test_torchrun_reports_once_what_one_process_reports(tmp_path: Path) -> None:
    path = write(tmp_path / "hamlet.txt", TEXTS[1])
    corpus = read_corpus(path)
    # Seven windows cannot be shared evenly.
    result = torchrun(
        "train", "--backend", "torch", "--corpus", str(path), "--json", "--batch-size", "7", *SHORT
    )
    assert result.returncode == 0, result.stderr
    record = json.loads(result.stdout)  # one object, so from one process
    config = Config(dtype="float64", max_iters=20, eval_interval=10, batch_size=7)
    run = Run(corpus, config, Alone().trainer_maker("torch", "cpu", "", bool))
    run.finish()
    single = plain(run.record("torch", 0.0))
    assert record["corpus"] == single["corpus"]
    assert record["sample"] == single["sample"]
    for ours, theirs in zip(record["history"], single["history"], strict=True):
        assert list(ours.values()) == pytest.approx(list(theirs.values()), rel=0, abs=RESIDUAL)


DIED = (
    "bigram: another process of this run died, or was silent for longer than the timeout; "
    "see its last message\n"
)
LONG = [
    "-m",
    "bigram",
    "train",
    "--backend",
    "torch",
    "--steps",
    "1000000",
    "--eval-interval",
    "10",
]


def reaches_training(process: subprocess.Popen[str]) -> None:
    """Waits until a process has reported some steps."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("step     50"):
            return
    pytest.fail(process.communicate()[1])


@UNTRIED_ON_WINDOWS
def test_a_process_that_is_killed_ends_the_others(start: Callable, tmp_path: Path) -> None:
    path = str(write(tmp_path / "hamlet.txt", TEXTS[1]))
    first, second = start([[*LONG, "--corpus", path]] * 2)
    reaches_training(first)
    second.kill()
    assert first.communicate(timeout=HANG)[1] == DIED
    assert first.returncode == 2


@pytest.mark.slow
@UNTRIED_ON_WINDOWS
def test_a_first_process_that_is_killed_ends_the_others(start: Callable, tmp_path: Path) -> None:
    path = str(write(tmp_path / "hamlet.txt", TEXTS[1]))
    first, *others = start([[*LONG, "--corpus", path]] * 3)
    reaches_training(first)
    first.kill()
    for other in others:
        assert other.communicate(timeout=HANG) == ("", DIED)
        assert other.returncode == 2


@pytest.mark.slow
@UNTRIED_ON_WINDOWS
def test_a_process_that_stops_answering_ends_the_others(start: Callable, tmp_path: Path) -> None:
    path = str(write(tmp_path / "hamlet.txt", TEXTS[1]))
    first, second = start([[*LONG, "--corpus", path, "--timeout", "20"]] * 2)
    reaches_training(first)
    second.send_signal(signal.SIGSTOP)
    assert first.communicate(timeout=HANG)[1] == DIED
    assert first.returncode == 2


@pytest.mark.slow
@UNTRIED_ON_WINDOWS
def test_an_error_of_one_process_ends_the_others(start: Callable, tmp_path: Path) -> None:
    path = str(write(tmp_path / "hamlet.txt", TEXTS[1]))
    first, second = start([[*LONG, "--corpus", path], [*LONG, "--corpus", "missing.txt"]])
    assert first.communicate(timeout=HANG) == ("", DIED)
    assert second.communicate(timeout=HANG)[1].startswith(
        "bigram: cannot read missing.txt: No such file"
    )
    assert (first.returncode, second.returncode) == (2, 2)

    first, second = start([[*LONG, "--corpus", path], [*LONG, "--corpus", path, "--lr", "0.5"]])
    for process in (first, second):
        assert process.communicate(timeout=HANG) == (
            "",
            "bigram: --lr is 0.001 in process 0 and 0.5 in process 1; start all of them alike\n",
        )
        assert process.returncode == 2

    commands = [["-m", "bigram", "optimum", "--corpus", one] for one in (path, "missing.txt")]
    for variable in ("LOCAL_RANK", "LOCAL_WORLD_SIZE"):
        assert variable not in os.environ
    for process in start(commands):
        assert process.communicate(timeout=HANG)[1].startswith(
            "bigram: cannot read missing.txt: No such file"
        )
        assert process.returncode == 2


@pytest.mark.slow
@UNTRIED_ON_WINDOWS
@pytest.mark.parametrize(
    "args",
    [
        ["train", "--backend", "torch", "--corpus", "missing.txt"],
        ["train", "--backend", "torch", "--steps", "0"],
        ["train", "--backend", "torch", "--oops"],
        ["train", "--backend", "numpy"],
        ["optimum", "--corpus", "missing.txt", "README.md"],
        ["optimum", "--corpus", "README.md", "missing.txt"],
    ],
    ids=" ".join,
)
def test_under_torchrun_an_error_is_one_line(args: list[str]) -> None:
    result = torchrun(*args)
    assert result.returncode != 0
    assert result.stdout == ""
    ours = [
        line for line in result.stderr.splitlines() if line.startswith("bigram") and ": " in line
    ]
    assert len(ours) == 1, result.stderr
    traceback = result.stderr.count("Traceback")
    assert traceback == 1  # torchrun's own
    assert "ChildFailedError" in result.stderr


@pytest.mark.slow
@UNTRIED_ON_WINDOWS
def test_a_run_is_saved_once_and_goes_on_in_any_number_of_processes(
    start: Callable, tmp_path: Path
) -> None:
    text = str(write(tmp_path / "hamlet.txt", TEXTS[1]))
    run = ["-m", "bigram", "train", "--backend", "torch", "--corpus", text, "--dtype", "float64"]
    run += ["--batch-size", "7", "--out", str(tmp_path / "run")]
    first, second = start([[*run, "--steps", "1000000", "--eval-interval", "10"]] * 2)
    reaches_training(first)
    second.send_signal(signal.SIGTERM)  # to one of them; all must end at the same step
    said = first.communicate(timeout=HANG)[1], second.communicate(timeout=HANG)[1]
    assert second.returncode == 128 + signal.SIGTERM
    interrupted = re.fullmatch(
        r"bigram: interrupted after step ([\d,]+): saved as .*; go on with .*\n", said[0]
    )
    assert interrupted
    assert said[1] == ""
    step = int(interrupted[1].replace(",", ""))

    for world_size in (3, 1):
        step += 10
        commands = [[*run, "--resume", "--steps", str(step)]] * world_size
        for process in start(commands):
            error = process.communicate(timeout=HANG)[1]
            assert process.returncode == 0, error
    single = train_alone(
        read_corpus(Path(text)),
        Config(dtype="float64", batch_size=7, max_iters=step, eval_interval=step),
    )
    saved, _ = newest_checkpoint(tmp_path / "run")
    assert saved.step == step
    for name, tensor in (
        ("weight", saved.table),
        ("exp_avg", saved.exp_avg),
        ("exp_avg_sq", saved.exp_avg_sq),
    ):
        assert abs(tensor - single[name]).max() <= RESIDUAL, name
