"""Proves that each command prints its results on the right stream and exits with the right status,
and that bad input gives one line."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bigram import cli
from bigram.commands import train
from common.memory import memory
from impl_numpy.fast.adamw import FastAdamW
from tests.kit import HANG
from tests.kit.command import bigram
from tests.kit.terminal import at_terminal

SHORT = ["--steps", "20", "--eval-interval", "10"]
TEXT = "To be, or not to be: that is the question.\n"


@pytest.fixture
def text(tmp_path: Path) -> str:
    path = tmp_path / "hamlet.txt"
    path.write_text(TEXT, encoding="utf-8")
    return str(path)


def test_a_bare_command_prints_help() -> None:
    result = bigram()
    assert result.returncode == 0
    assert result.stdout == bigram("--help").stdout
    assert "compare" in result.stdout
    assert "train" in result.stdout


@pytest.mark.parametrize(
    "args", [["--help"], ["compare", "--help"], ["train", "--help"], ["train", "--oops"]]
)
def test_help_and_usage_errors_import_nothing_heavy(args: list[str]) -> None:
    code = (
        "import sys; from bigram.cli import main\n"
        f"try: main({args})\n"
        "except SystemExit: pass\n"
        "print(sorted({'numpy', 'torch', 'rich'} & set(sys.modules)), file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=HANG
    )
    assert result.stderr.splitlines()[-1] == "[]"


def test_compare_reports_and_agrees(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(variable)  # where nothing is said about threads, it takes one
    result = bigram("compare", "--corpus", text, *SHORT)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == f"corpus    hamlet.txt: {len(TEXT)} characters, V = 18"
    assert lines[-1] == "agree: every difference in 20 steps is within its bound"
    assert "500 characters, written by both from the same draws and identical:" in lines
    assert "1 thread, torch on cpu" in result.stdout
    assert result.stderr == ""  # no progress bar in a pipe


def test_compare_prints_one_object_of_json(text: str, bigram_here: Callable) -> None:
    torch = pytest.importorskip("torch")
    result = bigram_here("compare", "--corpus", text, "--json", "--dtype", "float64", *SHORT)
    assert result.returncode == 0, result.stderr
    record = json.loads(result.stdout)
    assert record["verdict"] == "agree"
    assert record["corpus"]["characters"] == len(TEXT)
    assert record["config"]["dtype"] == "float64"
    assert record["speed"]["threads"] == torch.get_num_threads()


def test_compare_exits_with_1_where_they_differ(
    text: str, bigram_here: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    step = FastAdamW.step

    def wrong(self: FastAdamW, W: np.ndarray, dW: np.ndarray) -> None:
        step(self, W, dW * 256)

    monkeypatch.setattr(FastAdamW, "step", wrong)
    result = bigram_here("compare", "--corpus", text, *SHORT)
    assert result.returncode == 1
    assert result.stdout.splitlines()[-1].startswith("differ: over the bound in ")


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_train_prints_each_evaluation_and_a_sample(
    text: str, backend: str, bigram_here: Callable
) -> None:
    if backend == "torch":
        pytest.importorskip("torch")
    run = {"numpy": bigram, "torch": bigram_here}[backend]
    result = run("train", "--backend", backend, "--corpus", text, *SHORT)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    evaluations = [line for line in lines if line.startswith("step ")]
    assert [line.split()[1] for line in evaluations] == ["0", "10", "20"]
    sample = result.stdout.split("evaluation included\n\n")[1]
    assert len(sample) == 501
    assert set(sample) <= set(TEXT)
    assert result.stderr == ""

    record = json.loads(
        run("train", "--backend", backend, "--corpus", text, "--json", *SHORT).stdout
    )
    assert record["backend"] == backend
    assert record["sample"]["text"] == sample[:-1]
    for evaluation, line in zip(record["history"], evaluations, strict=True):
        assert line.split()[3:] == [f"{evaluation['train']:.4f}", "val", f"{evaluation['val']:.4f}"]


def test_numpy_trains_without_torch(text: str) -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"  # from here on, importing torch fails
        "from bigram.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    run = [sys.executable, "-c", code]
    options = ["--corpus", text, *SHORT]
    result = subprocess.run(
        [*run, "train", "--backend", "numpy", *options], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    for command in (["train", "--backend", "torch"], ["compare"]):
        result = subprocess.run([*run, *command, *options], capture_output=True, text=True)
        assert result.returncode == 2
        assert result.stderr.startswith(
            "bigram: torch is not installed; train --backend numpy and check "
        )
        assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (["oops"], "invalid choice: 'oops'"),
        (["train"], "the following arguments are required: --backend"),
        (["train", "--backend", "jax"], "invalid choice: 'jax'"),
        (["compare", "--steps", "many"], "argument --steps: invalid int value: 'many'"),
        (["compare", "--steps", "0"], "bigram: --steps is 0; it must be at least 1"),
        (["compare", "--batch-size", "-1"], "bigram: --batch-size is -1; it must be at least 1"),
        (["compare", "--lr", "nan"], "bigram: --lr is nan; it must be a number from 0 to 1e30"),
        (
            ["compare", "--lr", "1e308"],
            "bigram: --lr is 1e+308; it must be a number from 0 to 1e30",
        ),
        (["train", "--backend", "numpy", "--device", "cuda"], "--device cuda is for torch"),
        (["compare", "--dtype", "float16"], "invalid choice: 'float16'"),
        (
            ["compare", "--corpus", "missing.txt"],
            "bigram: cannot read missing.txt: No such file or directory",
        ),
        (["compare", "--corpus", "."], "bigram: . is not a regular file"),
        (
            ["train", "--backend", "numpy", "--corpus", "TEXT", "--block-size", "99"],
            "--block-size 99 needs 100 tokens",
        ),
        (
            [
                "train",
                "--backend",
                "torch",
                "--corpus",
                "TEXT",
                "--device",
                "mps",
                "--dtype",
                "float64",
            ],
            "no float64",
        ),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    args: list[str],
    error: str,
    text: str,
    tmp_path: Path,
    bigram_here: Callable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if "torch" in args:
        pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    result = bigram_here(*(text if arg == "TEXT" else arg for arg in args))
    assert result.returncode == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert error in result.stderr


def test_a_batch_that_no_memory_holds_is_one_line(text: str) -> None:
    result = bigram("train", "--backend", "numpy", "--corpus", text, "--batch-size", "100000000000")
    assert result.returncode == 2
    if memory() is None:  # on Windows, which itself refuses
        assert result.stderr.startswith("bigram: not enough memory; use a smaller batch")
    else:
        assert (
            "windows of 8 tokens at once take 24 bytes a token = 19,200.0 GB, and the"
            in result.stderr
        )
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError(
            "DefaultCPUAllocator: can't allocate memory: you tried to allocate 7040000000 bytes."
        ),
        RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB."),
    ],
)
def test_memory_that_is_not_there_is_one_line(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(args: object) -> int:
        raise error

    monkeypatch.setattr(train, "run", run)
    assert cli.main(["train", "--backend", "torch"]) == 2
    assert capsys.readouterr().err.startswith("bigram: not enough memory; use a smaller batch")
    error.args = ("a bug",)
    if isinstance(error, RuntimeError):  # which is no bad input
        with pytest.raises(RuntimeError, match="a bug"):
            cli.main(["train", "--backend", "torch"])


@pytest.mark.skipif(os.name != "posix", reason="shells of POSIX")
@pytest.mark.parametrize(
    ("redirected", "corpus", "status"),
    [
        ("2>&-", "TEXT", 0),
        ("2>&-", "missing", 2),
        ("2>/dev/full", "missing", 2),
        (">&- 2>&-", "TEXT", 0),
    ],
)
def test_the_exit_status_is_right_where_an_output_stream_is_closed_or_full(
    redirected: str, corpus: str, status: int, text: str, tmp_path: Path
) -> None:
    if "full" in redirected and not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    out = tmp_path / "run"
    corpus = text if corpus == "TEXT" else corpus
    command = [sys.executable, "-m", "bigram", "train", "--backend", "numpy", "--corpus", corpus]
    words = shlex.join([*command, *SHORT, "--out", str(out)])
    assert subprocess.run(f"{words} {redirected}", shell=True, timeout=HANG).returncode == status
    assert (out / "step-20.safetensors").exists() == (status == 0)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("args", [[], ["--help"], ["train", "--help"]])
def test_help_on_a_full_disk_is_one_line(args: list[str]) -> None:
    # argparse lets no error through but of the flush
    environment = os.environ | {"PYTHONUNBUFFERED": ""}
    with open("/dev/full", "w", encoding="utf-8") as full:
        result = subprocess.run(
            [sys.executable, "-m", "bigram", *args],
            stdout=full,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env=environment,
        )
    assert (result.returncode, result.stderr) == (2, "bigram: [Errno 28] No space left on device\n")


@pytest.mark.parametrize("odd", ["a\nb", "a\x1b[31mb", "a\u2028b", "a\rb", "a\x85b"])
def test_what_is_quoted_in_an_error_keeps_to_its_line(
    odd: str, capsys: pytest.CaptureFixture[str]
) -> None:
    # as it comes from a command line: in surrogates, where the locale is ASCII
    odd = os.fsdecode(odd.encode())
    shown = ascii(odd)[1:-1]
    assert cli.main(["train", "--backend", "numpy", "--corpus", odd]) == 2
    assert capsys.readouterr().err.startswith(f"bigram: cannot read {shown}: ")
    assert cli.main(["train", "--backend", "numpy", odd]) == 2
    assert capsys.readouterr().err == (
        f"bigram: unrecognized arguments: {shown}; see bigram --help\n"
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_one_line(text: str) -> None:
    command = [
        sys.executable,
        "-m",
        "bigram",
        "train",
        "--backend",
        "numpy",
        "--corpus",
        text,
        *SHORT,
    ]
    with open("/dev/full", "w", encoding="utf-8") as full:
        result = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, encoding="utf-8", timeout=HANG
        )
    assert result.returncode == 2
    assert result.stderr == "bigram: [Errno 28] No space left on device\n"


def test_a_reader_that_stops_listening_is_no_error(text: str) -> None:
    command = [sys.executable, "-m", "bigram", "train", "--backend", "numpy", "--corpus", text]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=HANG) == 141


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals on Windows")
def test_the_progress_bar_is_on_the_terminal_and_the_results_where_stdout_goes(text: str) -> None:
    command = [
        sys.executable,
        "-m",
        "bigram",
        "train",
        "--backend",
        "numpy",
        "--corpus",
        text,
        *SHORT,
    ]
    _, bar, printed = at_terminal(command, "stderr")
    assert b"\nstep " in printed
    assert b"20/20" in bar
    assert b"step " not in bar


def test_a_console_without_the_character_shows_its_escape(tmp_path: Path) -> None:
    path = tmp_path / "greek.txt"
    path.write_text("αβγδ" * 10, encoding="utf-8")
    result = bigram(
        "train",
        "--backend",
        "numpy",
        "--corpus",
        str(path),
        *SHORT,
        env={"PYTHONIOENCODING": "ascii"},
    )
    assert result.returncode == 0, result.stderr
    assert "\\u03b" in result.stdout


def test_the_surrogate_is_announced_on_stderr(tmp_path: Path) -> None:
    # A proxy at a port that is closed: no download can succeed.
    nowhere = {
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "BIGRAM_DATA_DIR": "",
        "XDG_CACHE_HOME": str(tmp_path),
    }
    nowhere |= {
        "HOME": str(tmp_path),
        "LOCALAPPDATA": str(tmp_path),
        "NO_PROXY": "",
        "no_proxy": "",
    }
    result = bigram("train", "--backend", "numpy", *SHORT, env=nowhere)
    assert result.returncode == 0
    assert result.stdout.startswith(
        "corpus    surrogate of tiny Shakespeare: 1,115,394 characters, V = 65\n"
    )
    assert result.stderr == (
        "bigram: tiny Shakespeare could not be downloaded (ProxyError): using the embedded "
        "surrogate, which has exactly its pair counts\n"
    )
