"""Proves that no words on the command line, no source file and no return value of a reader's
function lead to a traceback: inputs are made up by hypothesis. Texts and their bytes are fuzzed in
``test_large.py`` and ``test_properties.py``, checkpoints in ``test_mutants.py``.

Everything runs in this process, so that thousands of commands can be tried. Three things are
replaced: a run is interrupted after a few steps, the memory is said to be small, and a subject is
loaded here.
"""

import argparse
import hashlib
import io
import os
import pickle
import re
import shutil
import sys
import warnings
from contextlib import ExitStack, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bigram import cli, commands
from bigram.doctor import subject
from bigram.doctor.interfaces import Call, CannotCall, Complaint
from bigram.doctor.optimizer_forms import DEFAULTS, OptimizerRun
from common import memory
from common.errors import UserError
from common.text import corpus
from common.text.corpus import FILE

TEXT = "To be, or not to be: that is the question.\n" * 3
STEPS = 12  # after which a run is interrupted
NOTICE = re.compile(
    "bigram: (going on with .* after step|tiny Shakespeare could not be downloaded)"
)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="file names are bytes on POSIX")
cheap = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
thorough = settings(cheap, max_examples=4000)


# The command line.


def sayable(text: str) -> bool:
    """Whether the system can hand it to a program."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


# Neither the file system outside the working folder nor what is above it: names, but no places.
WORDS = st.text(st.characters() | st.sampled_from("-.=\n\x1b\udcff "), max_size=8).filter(
    lambda text: sayable(text) and "/" not in text and ".." not in text
)
PATHS = st.sampled_from(
    ["text.txt", "empty", "RUN", "RUN/step-2.safetensors", "text.txt/x", "missing/x", ".", "",
    "/dev/null",
     "/proc/self/mem", "mine.py", "pipe", "x" * 300, "mine.py:wrong", "mine.py:Wrong", "mine.py:",
     ":",
     "text.txt:f"]
)  # fmt: skip
NUMBERS = st.sampled_from(
    ["0", "1", "2", "7", "40", "-1", "-0", "1.5", "1e-320", "0.1", "1e30", "1e31", "1e999", "nan",
    "inf",
     "-inf", "0x10", "1_0", "٣", " 1", "", "1" * 13, "1" * 400, "9" * 5000, "1e", "--", "True"]
)  # fmt: skip


def options() -> dict[str, list[argparse.Action]]:
    """Of each command, all that it takes; asked of the parser, so that what is added is tried
    too."""
    (commands,) = (
        action
        for action in cli.build_parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    return {name: parser._actions for name, parser in commands.choices.items()}


OPTIONS = options()


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    """A command that would work, then up to four options with any values, most of them of the right
    kind."""
    command = draw(st.sampled_from(sorted(OPTIONS)))
    words = {
        "train": ["--backend", "numpy", "--corpus", "text.txt", "--steps", "4"],
        "compare": ["--corpus", "text.txt", "--steps", "4"],
        "generate": ["--model", "RUN", "--tokens", "5"],
        "check": ["mine.py:wrong"],
    }.get(command, [])
    words = list(words) if draw(st.integers(0, 9)) else []
    for action in draw(st.lists(st.sampled_from(OPTIONS[command]), max_size=4)):
        if action.option_strings:
            words.append(draw(st.sampled_from(action.option_strings) | WORDS.map("--".__add__)))
        if action.nargs != 0 and draw(st.integers(0, 9)):
            numbers = NUMBERS if action.type in (int, float) else PATHS | WORDS
            choices = st.sampled_from(sorted(map(str, action.choices or ["1"])))
            words.append(draw(st.one_of(numbers, numbers, choices, WORDS)))
    if command == "check" and not any("mine" in word for word in words):
        # without one it is the evidence for our own code, which takes seconds
        words.append("mine.py:wrong")
    return [command, *words]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    (folder / "text.txt").write_text(TEXT, encoding="utf-8")
    (folder / "empty").write_bytes(b"")
    (folder / "mine.py").write_text(
        "def wrong(W, idx, targets): return None\nclass Wrong: pass\n", encoding="utf-8"
    )
    os.mkfifo(folder / "pipe")
    run = ["train", "--backend", "numpy", "--corpus", str(folder / "text.txt"), "--steps", "2"]
    assert cli.main([*run, "--json", "--out", str(folder / "RUN")]) == 0
    return folder


@pytest.fixture
def small_world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder to work in, nothing of which takes long."""
    torch = pytest.importorskip("torch")
    from bigram.runs import compare

    def stop(step: int) -> None:
        if step >= STEPS:
            raise KeyboardInterrupt

    class Bar(ExitStack):
        def __enter__(self) -> Any:
            return stop

    def here(name: str, limit: float) -> subject.Here:
        pipe = io.BytesIO()
        with suppress(EOFError):
            subject._answer_calls(name, io.BytesIO(), pipe)
        if loaded := pickle.loads(pipe.getvalue()):
            raise UserError(f"{name}: {loaded.what}")
        return subject.Here(subject.load(name), None)

    for command in (commands.train, commands.compare):
        monkeypatch.setattr(command, "progress_bar", lambda steps: Bar())
    monkeypatch.setattr(
        compare, "microseconds_per_step", lambda *args, **kwargs: compare.Pair(1.0, 2.0)
    )
    monkeypatch.setattr(memory, "memory", lambda: 10**7)
    monkeypatch.setattr(subject, "Apart", here)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    monkeypatch.setenv("BIGRAM_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("BIGRAM_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    # In place of tiny Shakespeare, a tinier one.
    (tmp_path / "data" / FILE).write_text(TEXT, encoding="utf-8")
    monkeypatch.setattr(corpus, "SHA256", hashlib.sha256(TEXT.encode()).hexdigest())
    torch.set_num_threads(1)
    return tmp_path


def run(words: list[str], folder: Path) -> tuple[int, str, str]:
    """The exit status of a command, and what it prints."""
    with (
        (folder / "stdout").open("w", encoding="utf-8") as out,
        (folder / "stderr").open("w", encoding="utf-8") as err,
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            status: Any = cli.main(words)
        except SystemExit as stop:
            status = stop.code
    printed = [(folder / name).read_text(encoding="utf-8") for name in ("stdout", "stderr")]
    return status, printed[0], printed[1]


def try_one(
    words: list[str], prepared: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = folder / "work"
    shutil.copytree(prepared, work, ignore=lambda *args: ["pipe"])
    os.mkfifo(work / "pipe")
    monkeypatch.chdir(work)
    try:
        status, _, errors = run(words, folder)
        assert status in (0, 1, 2, 130), (status, errors)  # 130: the run was going to be a long one
        lines = [line for line in errors.splitlines() if not NOTICE.match(line)]
        assert len(lines) == (status == 2) or (status == 1 and "diverged" in errors), errors
        assert all(line.startswith("bigram") for line in lines), errors
        assert not list(work.rglob(".*.tmp"))
    finally:
        monkeypatch.chdir(folder)
        shutil.rmtree(work)


@cheap
@given(words=command_lines())
@example(words=["train", "--backend", "numpy", "a\nb"])
@example(words=["train", "--backend", "numpy", "--corpus", "\x1b[31m\n"])
@example(words=["train", "--backend", "numpy", "--corpus", "text.txt", "--out", "\udcff"])
@example(words=["generate", "--model", "x" * 300])
@example(words=["compare", "--corpus", "text.txt", "--lr", "1e30", "--json"])
def test_any_words_on_the_command_line_get_an_answer(
    words: list[str], prepared: Path, small_world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try_one(words, prepared, small_world, monkeypatch)


@pytest.mark.slow
@thorough
@given(words=command_lines())
def test_any_words_on_the_command_line_get_an_answer_for_minutes(
    words: list[str], prepared: Path, small_world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try_one(words, prepared, small_world, monkeypatch)


@settings(max_examples=60)
@given(words=st.lists(WORDS, max_size=3))
def test_words_that_are_no_command_get_one_line(words: list[str], tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.getbasetemp()
    if any(word in OPTIONS for word in words):
        return
    status, _, errors = run(words, folder)
    if status == 0:  # help was asked for
        assert not words or any(word.startswith(("-h", "--h")) or word == "--" for word in words)
        return
    assert status == 2
    assert len(errors.splitlines()) == 1


# The reader's own code.


W = np.random.default_rng(0).standard_normal((3, 3))
IDS = np.random.default_rng(0).integers(3, size=(2, 2, 4))


def hear(call: Any, function: Any) -> Any:
    """What is answered to one call of ``function``."""
    pipe = io.BytesIO()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(subject, "load", lambda name: function)
        with pytest.raises(EOFError):
            subject._answer_calls("mine.py:f", io.BytesIO(pickle.dumps(call)), pipe)
    pipe.seek(0)
    assert pickle.load(pipe) is None
    answer = pickle.load(pipe)[0]
    return Complaint(str(answer)) if isinstance(answer, CannotCall) else answer


def check_answer(answer: Any, shapes: dict[str, tuple[int, ...]]) -> None:
    """One line, or real numbers of these shapes."""
    if isinstance(answer, Complaint):
        assert len(answer.what.splitlines()) <= 1
        assert len(answer.what) < 600
        return
    assert answer.keys() == shapes.keys()
    for name, array in answer.items():
        assert type(array) is np.ndarray
        assert array.shape == shapes[name]
        assert array.dtype.kind in "fiu"


class Odd:
    """Behaves like an array, and then does not."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        if isinstance(self.value, Exception):
            raise self.value
        return self.value

    def __repr__(self) -> str:
        return "Odd(...)"

    def __len__(self) -> int:
        return 10**100


ERRORS = st.builds(
    lambda kind, text: kind(text),
    st.sampled_from([ValueError, KeyError, TypeError, OSError, MemoryError, RecursionError,
    EOFError, Warning,
                     SystemExit, KeyboardInterrupt, GeneratorExit, StopIteration,
                     UserError]),
    st.text(max_size=20) | st.just("x" * 10_000) | st.just("a\nb\u2028c\x1b[0m\ud800"),
)  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.just(10**400), st.floats(), st.complex_numbers(),
    st.text(max_size=3), st.binary(max_size=3), st.just(...), st.just(np.datetime64("2020-01-01")),
    st.just(np.float16(1)), st.just(np.longdouble(1)), st.just(int), st.builds(object),
)  # fmt: skip
TYPES: list[Any] = [
    np.float32,
    np.float64,
    np.int8,
    np.uint64,
    np.bool_,
    np.complex64,
    object,
    "U2",
    "M8[s]",
]
ARRAYS = hnp.arrays(
    st.sampled_from(TYPES),
    st.sampled_from([(), (1,), (3,), (3, 3), (1, 3, 3), (3, 3, 1), (0,), (9,)]),
    fill=st.nothing(),
)
VALUES = st.recursive(
    SCALARS | ARRAYS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.tuples(inner, ARRAYS),
        st.dictionaries(st.text(max_size=2), inner, max_size=2),
        inner.map(Odd),
        inner.map(lambda value: (x for x in [value])),
    ),
    max_leaves=5,
)
WANTED = st.sampled_from([("loss", "dW"), ("loss",), ("dW",)])


@settings(max_examples=120)
@given(value=VALUES | st.tuples(VALUES, VALUES) | st.tuples(SCALARS, ARRAYS), wanted=WANTED)
@example(value=(Odd(ValueError("no\nmore")), 1), wanted=("loss", "dW"))
@example(value=[None], wanted=("loss",))
def test_whatever_a_function_returns_gets_an_answer(value: Any, wanted: tuple[str, ...]) -> None:
    shapes = {"loss": (), "dW": (3, 3)}
    answer = hear(Call((W, *IDS), wanted), lambda W, idx, targets: value)
    check_answer(answer, {name: shapes[name] for name in wanted})


@settings(max_examples=60)
@given(value=VALUES)
def test_whatever_a_step_returns_gets_an_answer(value: Any) -> None:
    class Optimizer:
        def step(self, W: Any, dW: Any) -> Any:
            W -= dW
            return value

    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of complex numbers made real: it is the reader's to know
        answer = hear(OptimizerRun(W, [W, W], DEFAULTS), Optimizer)
    check_answer(answer, {"W": (2, 3, 3)})


@settings(max_examples=60)
@given(error=ERRORS, wanted=WANTED)
@example(error=UserError("a\nb" * 10_000), wanted=("loss",))
def test_whatever_a_function_raises_gets_an_answer(
    error: BaseException, wanted: tuple[str, ...]
) -> None:
    def function(W: Any, idx: Any, targets: Any) -> None:
        raise error

    answer = hear(Call((W, *IDS), wanted), function)
    assert isinstance(answer, Complaint)
    check_answer(answer, {})


SOURCES = [
    "def f(", "f = 3", "f = int", "1/0", "import no_such_module", "import sys; sys.exit('a\\nb')",
    "def f(): "
    "pass", "raise KeyboardInterrupt", "raise SystemExit", "from . import x", "\0", "\t if",
    "from __future__ import "
    "nonsense", "# coding: nonsense\n", "# coding: utf-16\n", "(" * 300, "(" * 100_000,
    "[" * 99 + "]" * 99, "-" * 100_000, "f = " + "-" * 3000 + "1", "x = '" + "é" * 100, "\x0c",
    "def f():\n\treturn 1\n        return 2", "\ufeff\ufefff=1",
    "raise type('a\\nb', (Exception,), {})",
    "class E(Exception):\n def __str__(self): raise self\nraise E",
    "import sys; sys.modules.pop(__name__)",
    "__path__ = 3", "del __builtins__", "f = type(None)()", "global f\nnonlocal g", "raise",
    "return 1",
    "def f(): yield\nf = f()", "async def f(): await 1", "assert 0, 'x\\ny'",
]  # fmt: skip


@settings(max_examples=80)
@given(
    source=st.sampled_from(SOURCES).map(str.encode) | st.binary(max_size=40),
    name=st.sampled_from(["f", "f", "g", "é", "__doc__", "a b", ""]),
)
@example(source=b"raise type('a\\nb', (Exception,), {})", name="f")
def test_whatever_a_file_holds_gets_an_answer(
    source: bytes, name: str, tmp_path_factory: Any
) -> None:
    path = tmp_path_factory.getbasetemp() / "mine.py"
    path.write_bytes(source)
    pipe = io.BytesIO()
    before, modules = sys.path.copy(), set(sys.modules)
    try:
        subject._answer_calls(f"{path}:{name}", io.BytesIO(), pipe)
    except EOFError:
        pass
    finally:
        sys.path[:] = before
        for added in set(sys.modules) - modules:
            sys.modules.pop(added, None)
    loaded = pickle.loads(pipe.getvalue())
    assert loaded is None or len(loaded.what.splitlines()) == 1
    assert loaded is None or len(loaded.what) < 600
