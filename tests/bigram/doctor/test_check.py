"""Proves ``bigram check``, the doctor as its readers meet it: verdicts, diagnoses and exit
statuses, for functions that are right, wrong, or misbehave in any way; and that the evidence for
our own code can fail."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from numpy.typing import NDArray

from bigram import Result, check, check_optimizer
from bigram.doctor import optimizer
from impl_numpy import pair_counts
from tests.kit import HANG, ROOT, one_in
from tests.kit.command import bigram

READERS_CODE = '''
import os, signal, sys, time
import numpy as np
from impl_numpy.adamw import AdamW
from impl_numpy.pair_counts import loss_and_gradient as right

def lost_and_summed(W, x, y):
    x, y = x.ravel(), y.ravel()
    z = W[x] - W[x].max(axis=1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    d = np.exp(logp)
    d[np.arange(len(y)), y] -= 1
    dW = np.zeros_like(W)
    dW[x] += d
    return -logp[np.arange(len(y)), y].mean(), dW

def summed_loss(W, x, y): loss, dW = right(W, x, y); return loss * x.size, dW
def loss_alone(W, x, y): return right(W, x, y)[0]
def gradient_alone(W, x, y): return right(W, x, y)[1]
def lists(W, x, y): loss, dW = right(W, x, y); return [loss], dW.tolist()
def talks(W, x, y): print("hello"); os.write(1, b"hello"); return right(W, x, y)
def half_wrong(W, x, y): loss, dW = right(W, x, y); return loss, dW * 1.5

def raises(W, x, y): return W[9999]
def hangs(W, x, y): time.sleep(600)
def interrupts(W, x, y): os.killpg(0, signal.SIGINT); time.sleep(600)
def dies(W, x, y): os._exit(3)
def quits(W, x, y): sys.exit("enough")
def closes_all(W, x, y): os.closerange(3, 100); return right(W, x, y)
def recurses(W, x, y): return recurses(W, x, y)
def allocates(W, x, y): return np.ones(10**14), W
class Mute(Exception):
    def __str__(self): raise ValueError("no")
def raises_mutely(W, x, y): raise Mute
def returns_one(W, x, y): return 1.0
def returns_none(W, x, y): pass
def wrong_shape(W, x, y): loss, dW = right(W, x, y); return loss, dW[1:]
def scalar_gradient(W, x, y): return right(W, x, y)[0], 0.0
def vector_loss(W, x, y): loss, dW = right(W, x, y); return [loss, loss], dW
def words(W, x, y): return "loss", W
def not_a_number(W, x, y): loss, dW = right(W, x, y); return loss, dW * np.nan
def changes_W(W, x, y): answer = right(W, x, y); W += 1; return answer
def changes_x(W, x, y): answer = right(W, x, y); x[...] = 0; return answer
not_callable = 3

class Paper:
    """Takes its betas one by one, and returns the new table."""
    def __init__(self, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2):
        self.__dict__.update(lr=lr, b1=beta1, b2=beta2, eps=eps, wd=weight_decay, t=0, m=0, v=0)
    def step(self, W, g):
        self.t += 1
        self.m = self.b1 * self.m + (1 - self.b1) * g
        self.v = self.b2 * self.v + (1 - self.b2) * g * g
        m, v = self.m / (1 - self.b1**self.t), self.v / (1 - self.b2**self.t)
        return W * (1 - self.lr * self.wd) - self.lr * m / (np.sqrt(v) + self.eps)

class Late(AdamW):
    def step(self, W, dW):
        decay, self.weight_decay = self.weight_decay, 0
        super().step(W, dW)
        self.weight_decay = decay
        W *= 1 - self.lr * decay

class Fixed:
    """Takes no settings at all: torch's defaults are built in."""
    def __init__(self): self.inner = None
    def step(self, table, gradient):
        self.inner = self.inner or AdamW(table)
        self.inner.step(table, gradient)

class Skips(AdamW):
    """Its first call only makes its state."""
    begun = False
    def step(self, W, dW):
        if self.begun: super().step(W, dW)
        self.begun = True

class Outlives(AdamW):
    """All of them share one state."""
    state = {}
    def step(self, W, dW):
        self.__dict__.update(self.state)
        super().step(W, dW)
        for name in ("exp_avg", "exp_avg_sq", "steps"): self.state[name] = getattr(self, name)

class Eats(AdamW):
    def step(self, W, dW): super().step(W, dW); dW *= 0

class Rebinds(AdamW):
    def step(self, W, dW): W = W.copy(); super().step(W, dW)

class Breaks(AdamW):
    def step(self, W, dW): raise RuntimeError("no\\nmore")
'''


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("reader") / "mine.py"
    path.write_text(READERS_CODE, encoding="utf-8")
    return str(path)


def outcome(result: Result) -> tuple[str, list[str]]:
    return result.verdict, result.diagnosis


@pytest.mark.parametrize(
    ("function", "wanted", "expected"),
    one_in(
        2,
        [
            (
                "lost_and_summed",
                ("loss", "dW"),
                ("wrong", ["repeated ids lost", "sum instead of mean"]),
            ),
            ("lost_and_summed", ("loss",), ("correct", [])),
            ("summed_loss", ("loss", "dW"), ("wrong", ["loss summed, not averaged"])),
            ("summed_loss", ("dW",), ("correct", [])),
            ("loss_alone", ("loss",), ("correct", [])),
            ("gradient_alone", ("dW",), ("correct", [])),
            ("lists", ("loss", "dW"), ("correct", [])),
            ("talks", ("loss", "dW"), ("correct", [])),
            ("half_wrong", ("loss", "dW"), ("wrong", ["off by a factor, 1.5"])),
            ("not_a_number", ("loss", "dW"), ("wrong", [])),
        ],
    ),
)
def test_functions_are_judged_and_diagnosed(
    mine: str, function: str, wanted: tuple[str, ...], expected: tuple[str, list[str]]
) -> None:
    result = check(
        f"{mine}:{function}",
        loss_only="dW" not in wanted,
        gradient_only="loss" not in wanted,
        isolate=True,
    )
    assert outcome(result) == expected


@pytest.mark.parametrize(
    ("function", "complaint"),
    one_in(
        2,
        [
            ("raises", "it raised IndexError: index 9999 is out of bounds"),
            ("hangs", "it ran longer than 1 s"),
            ("dies", "it ended the process (exit status 3)"),
            ("quits", "it raised SystemExit: enough"),
            ("recurses", "it raised RecursionError: maximum recursion depth exceeded"),
            ("allocates", "it raised MemoryError" if sys.platform == "linux" else "it "),
            ("raises_mutely", "it raised Mute (line "),
            (
                "returns_one",
                "it returned float, not (loss, dW); --loss-only and --gradient-only are for one",
            ),
            ("returns_none", "it returned NoneType, not (loss, dW)"),
            ("wrong_shape", "its dW has shape (8, 9), not an array of shape (9, 9)"),
            ("scalar_gradient", "its dW has shape (), not an array of shape (9, 9)"),
            ("vector_loss", "its loss has shape (2,), not one number"),
            ("words", "its loss holds <U4, not real numbers"),
            ("changes_W", "it changed W, which it was only to read"),
            ("changes_x", "it changed idx, which it was only to read"),
        ],
    ),
)
def test_misbehaviour_gets_a_clear_answer(mine: str, function: str, complaint: str) -> None:
    limit = 1.0 if function == "hangs" else HANG
    result = check(f"{mine}:{function}", isolate=True, limit=limit)
    assert result.verdict == "wrong"
    assert result.complaint is not None
    assert complaint in result.complaint
    assert "\n" not in result.complaint


@pytest.mark.parametrize(
    ("cls", "expected"),
    [
        ("Paper", ("correct", [])),
        ("Late", ("wrong", ["decay after the update"])),
        ("Skips", ("wrong", ["first step skipped"])),
        ("Outlives", ("wrong", ["state shared by all optimizers"])),
        ("Fixed", ("correct", [])),
    ],
)
def test_optimizers_are_judged_and_diagnosed(
    mine: str, cls: str, expected: tuple[str, list[str]]
) -> None:
    result = check_optimizer(f"{mine}:{cls}", limit=HANG, isolate=True)
    assert outcome(result) == expected
    assert result.complaint is None
    # What cannot be told its settings is tried at torch's defaults alone.
    record, tried = result.to_dict(), 2 if cls == "Fixed" else 6
    assert record["looked_at"].startswith(f"{tried} of 6 runs")
    assert len(record["not_tried"]) == 6 - tried
    if cls == "Fixed":
        assert "large eps: it takes no eps" in record["not_tried"]
        assert "every case is within its bound that was tried\n" in str(result)


@pytest.mark.parametrize(
    ("cls", "complaint"),
    [
        ("Eats", "it changed dW"),
        ("Breaks", "it raised RuntimeError: no more"),
        ("Rebinds", "its step returned nothing and left W as it was; change W in place: W -= ..."),
    ],
)
def test_an_optimizer_that_misbehaves_gets_a_clear_answer(
    mine: str, cls: str, complaint: str
) -> None:
    result = check_optimizer(f"{mine}:{cls}", limit=HANG, isolate=True)
    assert result.verdict == "wrong"
    assert result.complaint is not None
    assert complaint in result.complaint


def test_a_function_that_closes_every_file_gets_one_line_and_no_traceback(mine: str) -> None:
    result = bigram("check", f"{mine}:closes_all", cwd=ROOT)
    assert result.returncode == 1
    # of wrapped lines
    assert "it ended the process (exit status 1)" in " ".join(result.stdout.split())
    assert result.stderr == ""


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
def test_ctrl_c_is_not_for_the_readers_process(mine: str) -> None:
    # At a terminal both processes are sent it, and one of them can answer. Here only the second is,
    # while it starts, and neither says a word of it.
    code = (
        "import contextlib, os, signal, sys, threading\n"
        "import subprocess; from bigram.cli import main\n"
        "start = subprocess.Popen.__init__\n"
        "def interrupt(pid):\n"
        "    with contextlib.suppress(ProcessLookupError):\n"  # where it was quick, it has ended
        "        os.kill(pid, signal.SIGINT)\n"
        "def started(self, *args, **options):\n"
        "    start(self, *args, **options)\n"
        "    for k in range(8):\n"
        "        threading.Timer(0.02 * k, interrupt, (self.pid,)).start()\n"
        "subprocess.Popen.__init__ = started\n"
        f"sys.exit(main(['check', {mine + ':returns_none'!r}]))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=HANG
    )
    assert result.returncode == 1
    assert "it returned NoneType" in " ".join(result.stdout.split())
    assert result.stderr == ""


@pytest.mark.skipif(os.name != "posix", reason="process groups are POSIX")
def test_ctrl_c_ends_both(mine: str) -> None:
    # Sent by the function, so to both processes, and while the first waits for the second.
    result = bigram("check", f"{mine}:interrupts", "--limit", str(HANG), start_new_session=True)
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "")


def test_the_command_prints_a_diagnosis_and_exits_with_1(mine: str, bigram_here: Callable) -> None:
    result = bigram_here("check", f"{mine}:lost_and_summed")
    assert result.returncode == 1
    assert "mistake   repeated ids lost\n" in result.stdout
    assert "mend      np.add.at(dW, idx, d)" in result.stdout
    assert result.stdout.startswith("wrong: repeated ids lost and sum instead of mean\n")
    assert result.stderr == ""


def test_the_command_prints_json_and_exits_with_0(bigram_here: Callable) -> None:
    result = bigram_here(
        "check", "impl_numpy.pair_counts:loss_and_gradient", "--json", "--dtype", "float32"
    )
    assert result.returncode == 0, result.stderr
    record = json.loads(result.stdout)
    assert record["verdict"] == "correct"
    assert record["subject"] == "impl_numpy.pair_counts:loss_and_gradient"
    assert set(record["worst"]) >= {"case", "fraction_of_bound", "max_abs"}
    assert record["worst"]["fraction_of_bound"] <= 1
    assert all(
        set(w) == {"name", "exact", "fraction_of_bound", "max_abs", "where"}
        for w in record["witnesses"]
    )
    assert record["diagnosis"] == []


def test_the_command_checks_a_kernel_and_a_size(
    tmp_path: Path, mine: str, bigram_here: Callable
) -> None:
    (tmp_path / "kernel.py").write_text(
        "import numpy as np\n"
        "def f(logits, targets):\n"
        "    z = logits - logits.max(1, keepdims=True)\n"
        "    logp = z - np.log(np.exp(z).sum(1, keepdims=True))\n"
        "    d = np.exp(logp) - np.eye(logits.shape[1])[targets]\n"
        "    return -logp[range(len(d)), targets].mean(), d / len(d)\n",
        encoding="utf-8",
    )
    result = bigram_here("check", "--logits", f"{tmp_path / 'kernel.py'}:f")
    assert (result.returncode, result.stderr) == (0, "")
    assert "called    f(logits, targets)\n" in result.stdout
    result = bigram_here("check", f"{mine}:lists", "--vocab", "350", "--tokens", "3000")
    assert result.returncode == 0
    assert "largest: V = 350, N = 3,000" in result.stdout


def test_json_of_a_wrong_answer_is_strict(mine: str, bigram_here: Callable) -> None:
    result = bigram_here("check", f"{mine}:not_a_number", "--json", "--gradient-only")
    assert result.returncode == 1

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    record = json.loads(result.stdout, parse_constant=refuse)
    assert record["worst"]["fraction_of_bound"] is None  # infinitely far over its bound
    assert record["pattern"]


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (["nothing"], "nothing: name it as PATH.py:FUNCTION or module:function"),
        (["missing.py:f"], "missing.py:f: there is no file missing.py"),
        (["MINE:f"], "has no function f; it has "),
        (["MINE:not_callable"], "has no function not_callable"),
        (
            ["no_such_module:f"],
            "could not be loaded: ModuleNotFoundError: No module named 'no_such_module'",
        ),
        (["MINE:f", "--optimizer", "MINE:Late"], "give a function or --optimizer, not both"),
        (["MINE:f", "--limit", "0"], "--limit is 0; give a number of seconds above 0"),
        (["MINE:f", "--limit", "nan"], "--limit is nan"),
        (["MINE:f", "--limit", "inf"], "--limit is inf"),
        (["--optimizer", "MINE:Late", "--loss-only"], "are for functions, not for --optimizer"),
        (["MINE:f", "--loss-only", "--gradient-only"], "not allowed with argument"),
        (["MINE:f", "--logits", "MINE:f"], "give a function or --logits, not both"),
        (
            ["--logits", "MINE:f", "--vocab", "9"],
            "--vocab and --tokens are for functions, not for --logits",
        ),
        (["MINE:f", "--dtype", "float16"], "dtype is 'float16'; it must be float64 or float32"),
        (["MINE:f", "--vocab", "5000"], "vocab is 5000; it must be at least 1 and at most 4,096"),
        (
            ["page.ipynb:f"],
            "page.ipynb is a notebook; in a cell below f, write: from bigram import check; "
            "check(f)",
        ),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    mine: str, args: list[str], error: str, bigram_here: Callable
) -> None:
    result = bigram_here("check", *(arg.replace("MINE", mine) for arg in args))
    assert result.returncode == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert error in result.stderr


@pytest.mark.slow
def test_the_evidence_holds_and_its_bounds_have_room(evidence_record: dict) -> None:
    from bigram.doctor.evidence import FORMS
    from bigram.doctor.report import evidence_report

    record = evidence_record
    assert record["verdict"] == "correct"
    assert len(record["gradients"]) == 2 * len(FORMS)
    assert len(record["intermediates"]) == 2 * 17
    for row in record["margins"]:
        assert 0.05 < row["residual"] <= 1, row
        assert row["nearest_mistake_fraction"] > 10, row
    assert {row["bound"] for row in record["margins"]} == {"loss", "dW", "W"}
    orders = {row["gradient"]: row["order"] for row in record["taylor_order"]}
    assert orders["right"] == pytest.approx(2, abs=0.02)
    assert orders["sum instead of mean"] < 1.1
    # what the blunt tool cannot see
    assert orders["one entry off by 1e-9"] == pytest.approx(2, abs=0.02)
    assert list(evidence_report(record))[-1] == "\ncorrect: every case is within its bound"


@pytest.mark.slow
def test_the_evidence_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    from bigram.doctor import evidence

    def off(W: NDArray, idx: NDArray, targets: NDArray) -> tuple[float, NDArray]:
        loss, dW = pair_counts.loss_and_gradient(W, idx, targets)
        dW[idx[0, 0], 0] *= 1 + 1e-5
        return loss, dW

    # Optimizers have no part in this, and the verdict none in the margins: both take seconds.
    monkeypatch.setattr(
        optimizer, "optimizer_runs", lambda dtype, runs=optimizer.optimizer_runs: runs(dtype)[:1]
    )
    monkeypatch.setattr(evidence, "margins_of", lambda *_: [])
    assert evidence.evidence()["verdict"] == "correct"
    monkeypatch.setitem(evidence.FORMS, "NumPy pair counts", off)
    assert evidence.evidence()["verdict"] == "wrong"
