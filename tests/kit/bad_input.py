"""Bad input, case by case: the command, its exit status, the one line it prints.
``test_bad_input.py`` runs every case, and ``python -m tools.reliability --write`` makes the table
of ``docs/reliability.md`` of them.

``prepared`` makes the folder that they all run in, and which none of them may change. ``…`` in a
line stands for what depends on the machine, on the version of Python, or goes without saying.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import numpy as safetensors

from bigram import markdown
from bigram.cli import main
from bigram.runs import checkpoint
from bigram.runs.checkpoint import TENSORS, load_checkpoint
from bigram.runs.folder import RunFolder
from tests.kit.mutants import sealed, with_header

TEXT = "To be, or not to be: that is the question.\n" * 3
TRAIN = "bigram train --backend numpy --corpus text.txt"


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    command: str  # as in a shell
    line: str  # on stderr, the only one; empty where stderr is closed
    status: int = 2
    apart: bool = False  # in a separate process, for cases that only a shell can make
    not_as_root: bool = False  # to whom nothing is forbidden
    torch: bool = False  # without it, it is another error

    @property
    def name(self) -> str:
        return self.command.removeprefix("bigram ")


def numbers(command: str) -> list[Case]:
    """Every numeric option of ``train`` and ``compare``, with what it cannot be."""
    cases = []
    for option in [
        "--steps",
        "--batch-size",
        "--block-size",
        "--eval-interval",
        "--eval-iters",
    ]:
        for value in ("0", "-1", "10000000000000"):
            line = f"bigram: {option} is {value}; it must be at least 1 and at most 10**12"
            cases.append(Case(f"{command} {option} {value}", line))
        for value in ("1.5", "nan", "many"):
            line = argument(command, option, f"invalid int value: '{value}'")
            cases.append(Case(f"{command} {option} {value}", line))
    for option in ("--lr", "--weight-decay"):
        for value, shown in [("-1", "-1.0"), ("1e31", "1e+31"), ("nan", "nan"), ("inf", "inf")]:
            line = f"bigram: {option} is {shown}; it must be a number from 0 to 1e30"
            cases.append(Case(f"{command} {option} {value}", line))
        line = argument(command, option, "invalid float value: 'many'")
        cases.append(Case(f"{command} {option} many", line))
    cases.append(Case(f"{command} --seed -1", "bigram: --seed is -1; it must be zero or more"))
    cases.append(
        Case(f"{command} --seed 0.5", argument(command, "--seed", "invalid int value: '0.5'"))
    )
    return cases


def argument(command: str, option: str, problem: str) -> str:
    """What is said of the value of an option that could not even be read."""
    program = " ".join(command.split()[:2])
    return f"{program}: argument {option}: {problem}; see {program} --help"


def corpus(path: str, line: str, **more: bool) -> Case:
    """A text that cannot be trained on."""
    return Case(f"bigram train --backend numpy --corpus {path}", f"bigram: {line}", **more)


def model(path: str, line: str) -> Case:
    """A file that is no model."""
    return Case(f"bigram generate --model {path}", f"bigram: cannot load {path}: {line}")


def subject(name: str, line: str) -> Case:
    """What cannot be judged, for it cannot be found or loaded."""
    return Case(f"bigram check {name}", f"bigram: {name}: {line}")


MEMORY = (
    "tokens at once take 24 bytes a token = …, and the memory is … GB; use a smaller "
    "--batch-size, …"
)
TABLE = (
    "bytes x 500,000 x 500,000 = 8,000.0 GB, and the memory is … GB; use a text with fewer "
    "distinct …"
)
TENSORS_LINE = "its tensors are not three of 18 x 18 float32 with nothing between them"
NOT_JSON = "its header is not JSON: it was damaged, or is no safetensors file"
NOT_UTF8 = "is not UTF-8: byte 0x{} at offset {}; save it as UTF-8"

CASES = [
    # Words.
    Case("bigram trian", "bigram: argument COMMAND: invalid choice: 'trian'…; see bigram --help"),
    Case(
        "bigram --version-of-it",
        "bigram: unrecognized arguments: --version-of-it; see bigram --help",
    ),
    Case(
        "bigram train",
        "bigram train: the following arguments are required: --backend; see bigram train …",
    ),
    Case("bigram train --backend jax", "bigram train: argument --backend: invalid choice: 'jax'…"),
    Case(f"{TRAIN} --oops", "bigram: unrecognized arguments: --oops; see bigram --help"),
    Case(f"{TRAIN} 'two\nlines'", "bigram: unrecognized arguments: two\\nlines; see bigram --help"),
    Case(
        f"{TRAIN} --steps",
        "bigram train: argument --steps: expected one argument; see bigram train --help",
    ),
    Case(
        f"{TRAIN} --eval 5",
        "bigram train: ambiguous option: --eval could match …; see bigram train --help",
    ),
    Case(f"{TRAIN} --dtype float16", "bigram train: argument --dtype: invalid choice: 'float16'…"),
    Case(f"{TRAIN} --device cuda", "bigram: --device cuda is for torch; NumPy runs on the cpu"),
    Case(
        "bigram train --backend torch --corpus text.txt --device mps --dtype float64",
        "bigram: mps has no float64; use --dtype float32 or the cpu",
        torch=True,
    ),
    Case(
        "bigram compare --dtype int8", "bigram compare: argument --dtype: invalid choice: 'int8'…"
    ),
    Case(
        "bigram generate",
        "bigram generate: the following arguments are required: --model; see bigram …",
    ),
    # Numbers.
    *numbers("bigram train --backend numpy"),
    *numbers("bigram compare"),
    Case(f"{TRAIN} --batch-size 1000000000000", f"bigram: 1,000,000,000,000 windows of 8 {MEMORY}"),
    Case(
        f"{TRAIN} --block-size 1000000000000", f"bigram: 32 windows of 1,000,000,000,000 {MEMORY}"
    ),
    Case(
        f"{TRAIN} --eval-iters 1000000000000", f"bigram: 32,000,000,000,000 windows of 8 {MEMORY}"
    ),
    Case(
        f"{TRAIN} --block-size 116",
        "bigram: --block-size 116 needs 117 tokens in the split and this one has 116; use a "
        "longer text or …",
    ),
    Case(
        f"{TRAIN} --lr 1e30",
        "bigram: training diverged: after … updates … is not finite; use a smaller --lr",
        status=1,
    ),
    Case(
        "bigram compare --corpus text.txt --lr 1e30",
        "bigram: training diverged: after … updates the losses of both are not finite; use a "
        "smaller --lr",
        status=1,
        torch=True,
    ),
    # Texts.
    corpus(
        "missing.txt",
        "cannot read missing.txt: No such file or directory; give a readable UTF-8 text file",
    ),
    corpus(
        "text.txt/x", "cannot read text.txt/x: Not a directory; give a readable UTF-8 text file"
    ),
    corpus("''", ". is not a regular file; give a UTF-8 text file"),
    corpus("folder", "folder is not a regular file; give a UTF-8 text file"),
    corpus("pipe", "pipe is not a regular file; give a UTF-8 text file"),
    corpus("/dev/zero", "/dev/zero is not a regular file; give a UTF-8 text file"),
    corpus(
        "loop",
        "cannot read loop: Too many levels of symbolic links; give a readable UTF-8 text file",
    ),
    corpus("secret.txt", "cannot read secret.txt: Permission denied; give a …", not_as_root=True),
    corpus(
        "empty.txt",
        "empty.txt is empty; a corpus needs at least 11, for a pair in each part of the split",
    ),
    corpus(
        "one.txt",
        "one.txt has 1 character; a corpus needs at least 11, for a pair in each part of the split",
    ),
    corpus(
        "ten.txt",
        "ten.txt has 10 characters; a corpus needs at least 11, for a pair in each part of the …",
    ),
    corpus(
        "lines.txt",
        "lines.txt has 10 characters; a corpus needs at least 11, for a pair in each part …",
    ),
    corpus("latin1.txt", f"latin1.txt {NOT_UTF8.format('e9', 14)}"),
    corpus("utf16.txt", f"utf16.txt {NOT_UTF8.format('ff', 0)}"),
    corpus("surrogate.txt", f"surrogate.txt {NOT_UTF8.format('ed', 20)}"),
    corpus("cut.txt", f"cut.txt {NOT_UTF8.format('e2', 20)}"),
    corpus("picture.png", f"picture.png {NOT_UTF8.format('89', 0)}"),
    corpus(
        "unicode.txt",
        f"unicode.txt has 500,000 distinct characters: logits, gradient, moments and …{TABLE}",
    ),
    corpus(
        "'two\nlines.txt'",
        "cannot read two\\nlines.txt: No such file or directory; give a readable …",
    ),
    Case(
        "BIGRAM_DATA_DIR=elsewhere bigram train --backend numpy",
        "bigram: elsewhere/tinyshakespeare.txt is not tiny Shakespeare; give another text with "
        "--corpus",
    ),
    Case(
        "BIGRAM_CACHE_DIR=text.txt bigram train --backend numpy --corpus large.txt",
        "bigram: cannot write the tokens of the text to text.txt: …; make room there or set "
        "BIGRAM_CACHE…",
    ),
    # A folder to save to.
    Case(
        f"{TRAIN} --out ''",
        "bigram: --out names no folder; give one, or leave the option out to save nothing",
    ),
    Case(
        f"{TRAIN} --out text.txt",
        "bigram: cannot write to text.txt: File exists; give another folder",
    ),
    Case(
        f"{TRAIN} --out text.txt/RUN",
        "bigram: cannot write to text.txt/RUN: Not a directory; give another folder",
    ),
    Case(f"{TRAIN} --out /proc/RUN", "bigram: cannot write to /proc/RUN: …; give another folder"),
    Case(
        f"{TRAIN} --out closed/RUN",
        "bigram: cannot write to closed/RUN: Permission …",
        not_as_root=True,
    ),
    Case(
        f"{TRAIN} --out RUN",
        "bigram: RUN holds a run already, saved after 20 updates; resume it, or give another "
        "folder",
    ),
    Case(
        f"{TRAIN} --out HELD",
        "bigram: HELD is in use by another run; wait for it, or give another folder",
    ),
    Case(
        f"(ulimit -f 0; {TRAIN} --out FULL)",
        "bigram: cannot save FULL/step-0.safetensors: File too large; checkpoints that were there "
        "before are untouched",
        apart=True,
    ),
    # A run to go on with.
    Case(
        f"{TRAIN} --resume",
        "bigram: --resume goes on with a run that was saved; say which with --out RUN",
    ),
    Case(
        f"{TRAIN} --out NEW --resume",
        "bigram: cannot write to NEW: No such file or directory; give another …",
    ),
    Case(
        f"{TRAIN} --out EMPTY --resume",
        "bigram: EMPTY holds no checkpoint; train a model into it first",
    ),
    Case(
        f"{TRAIN} --out HELD --resume",
        "bigram: HELD is in use by another run; wait for it, or give another folder",
    ),
    Case(
        f"{TRAIN} --out BROKEN --resume",
        "bigram: cannot load BROKEN/step-20.safetensors: it is cut off, or no safetensors file",
    ),
    Case(
        "bigram train --backend numpy --corpus other.txt --out RUN --resume",
        "bigram: the text is 'other.txt' with sha256 …... and the run was begun on 'text.txt' "
        "with …...; give that text",
    ),
    Case(
        f"{TRAIN} --out RUN --resume --lr 0.5",
        "bigram: --lr is 0.5 and the run was begun with 0.001; leave it out, or begin another run "
        "in another folder",
    ),
    Case(
        f"{TRAIN} --out RUN --resume --dtype float64",
        "bigram: --dtype is float64 and the run was begun with float32; leave it out, or begin "
        "another run in another folder",
    ),
    Case(
        f"{TRAIN} --out RUN --resume --steps 19",
        "bigram: --steps is 19 and the run has already made 20 updates",
    ),
    # A model to write from.
    Case(
        "bigram generate --model missing", "bigram: cannot read missing: No such file or directory"
    ),
    Case(
        "bigram generate --model EMPTY",
        "bigram: EMPTY holds no checkpoint; train a model into it first",
    ),
    Case(
        "bigram generate --model BROKEN",
        "bigram: cannot load BROKEN/step-20.safetensors: it is cut off, or …",
    ),
    model("pipe", "it is not a regular file"),
    model("/dev/zero", "it is not a regular file"),
    model("text.txt", "it is cut off, or no safetensors file"),
    model("empty.txt", "it is cut off, or no safetensors file"),
    model("pickle.pt", "it is cut off, or no safetensors file"),
    model("zip.pt", "it is cut off, or no safetensors file"),
    model("array.npy", "it is cut off, or no safetensors file"),
    model("zeros", NOT_JSON),
    model("cut", "it holds 3887 bytes of tensors, and 3888 belong there"),
    model("longer", "it holds 3889 bytes of tensors, and 3888 belong there"),
    model("bit", "its checksum is wrong: it was damaged or changed"),
    model("header", "its header of 1048577 bytes is over the limit of … for … of tensors"),
    model("megabytes", "its header of … bytes is over the limit of 16636 for 3888 of tensors"),
    model("deep", NOT_JSON),
    model("foreign", "it has no metadata named 'bigram' alone"),
    model("twice", "its header holds an entry twice"),
    model("offsets", TENSORS_LINE),
    model("shape", TENSORS_LINE),
    model("dtype", TENSORS_LINE),
    model("vocabulary", "its tensors are not three of 19 x 19 float32 with nothing between them"),
    model("order", "its vocabulary is not distinct characters in order"),
    model("nan", "table holds values that are not finite"),
    model("infinite", "exp_avg holds values that are not finite"),
    model("negative", "exp_avg_sq, a mean of squares, holds negative values"),
    model(
        "newer",
        "it is in format 2 and only format 1 is known here; read it with a newer version of bigram",
    ),
    model("setting", "dtype is 'float16'; it must be float32 or float64"),
    model("step", "its step is not one of its schedule's"),
    Case(
        "bigram generate --model RUN --prompt Zebra",
        "bigram: character 'Z' (U+005A) at position 0 is not one of the 18 in the vocabulary; "
        "encode only characters of the corpus",
    ),
    *(
        Case(
            f"bigram generate --model RUN --tokens {value}",
            f"bigram: --tokens is {value}; it must be at least 1 and at most 10,000,000",
        )
        for value in ("0", "-1", "10000001")
    ),
    Case(
        "bigram generate --model RUN --tokens nan",
        "bigram generate: argument --tokens: invalid int value: 'nan'; see bigram generate --help",
    ),
    Case("bigram generate --model RUN --seed -1", "bigram: --seed is -1; it must be zero or more"),
    Case(
        "bigram generate --model RUN --seed inf",
        "bigram generate: argument --seed: invalid int value: 'inf'; see bigram generate --help",
    ),
    Case(
        "bigram generate --model RUN --device cuda",
        "bigram: --device cuda is for torch; NumPy runs on the cpu",
    ),
    # A text to explain, and pictures.
    Case(
        "bigram explain ''",
        "bigram: the text is empty; a pair takes at least two: try bigram explain hello",
    ),
    Case(
        "bigram explain x",
        "bigram: the text has one character; a pair takes at least two: try bigram …",
    ),
    Case(
        "bigram explain abcdefghijklmnopqrstuvwxyz",
        "bigram: the text has 25 pairs of 26 distinct characters, and every number is shown: at "
        "most …",
    ),
    *(
        Case(
            f"bigram explain --width {value}",
            f"bigram: --width is {value}; the matrices need at least 40",
        )
        for value in ("0", "-1", "39")
    ),
    Case(
        "bigram explain --width nan",
        argument("bigram explain", "--width", "invalid int value: 'nan'"),
    ),
    Case(
        "bigram explain --step nothing",
        "bigram: there is no step 'nothing'; there are logits, z, e, s, …",
    ),
    Case(
        "bigram explain --html ''",
        "bigram: … is not a regular file; give the name of a page to write",
    ),
    Case(
        "bigram explain --html folder",
        "bigram: folder is not a regular file; give the name of a page …",
    ),
    Case(
        "bigram explain --html pipe",
        "bigram: pipe is not a regular file; give the name of a page to write",
    ),
    Case(
        "bigram explain --html text.txt/page",
        "bigram: cannot write text.txt/page: Not a directory; give …",
    ),
    Case(
        "bigram explain --html missing/page",
        "bigram: cannot write missing/page: No such file or directory; …",
    ),
    Case(f"{TRAIN} --plot ''", "bigram: --plot names no folder; give one, or leave the option out"),
    Case(
        f"{TRAIN} --plot text.txt",
        "bigram: cannot write to text.txt: File exists; give --plot another folder",
    ),
    Case(
        "bigram compare --plot text.txt/x",
        "bigram: cannot write to text.txt/x: Not a directory; give …",
    ),
    # Code to check.
    subject("mine.py", "name it as PATH.py:FUNCTION or module:function"),
    subject("missing.py:f", "there is no file missing.py"),
    subject(
        "no_such_module:f",
        "could not be loaded: ModuleNotFoundError: No module named 'no_such_module'",
    ),
    subject("mine.py:g", "mine.py has no function g; it has f"),
    subject("mine.py:number", "mine.py has no function number; it has f"),
    subject("syntax.py:f", "could not be loaded: SyntaxError: …"),
    subject(
        "raises.py:f",
        "could not be loaded: ZeroDivisionError: division by zero (line 1 of raises.py)",
    ),
    subject("ends.py:f", "it ended the process (exit status 3)"),
    Case(
        "bigram check mine.py:f --optimizer mine.py:f",
        "bigram: give a function or --optimizer, not both",
    ),
    Case(
        "bigram check --optimizer mine.py:f --loss-only",
        "bigram: --loss-only and --gradient-only are for functions, not for --optimizer",
    ),
    Case(
        "bigram check mine.py:f --loss-only --gradient-only",
        "bigram check: argument --gradient-only: not allowed with argument --loss-only; see "
        "bigram check …",
    ),
    *(
        Case(
            f"bigram check mine.py:f --limit {value}",
            f"bigram: --limit is {shown}; give a number of seconds above 0 and up to 86400, a day",
        )
        for value, shown in [
            ("0", "0"),
            ("-1", "-1"),
            ("1e9", "1e+09"),
            ("nan", "nan"),
            ("inf", "inf"),
        ]
    ),
    Case(
        "bigram check mine.py:f --limit soon",
        argument("bigram check", "--limit", "invalid float value: 'soon'"),
    ),
    *(
        Case(
            f"bigram check mine.py:f --{name} {value}",
            f"bigram: {name} is {value}; it must be at least 1 and at most {largest}",
        )
        for name, largest in [("vocab", "4,096"), ("tokens", "1,000,000")]
        for value in ("0", "-1", "1000000000000")
    ),
    *(
        Case(
            f"bigram check mine.py:f {option} 0.5",
            argument("bigram check", option, "invalid int value: '0.5'"),
        )
        for option in ("--vocab", "--tokens")
    ),
    # How long to wait for another process.
    *(
        Case(
            f"{command} --timeout {value}",
            f"bigram: --timeout is {value}; give a number of seconds above 0 and up to 86400, a "
            "day",
        )
        for command in (TRAIN, "bigram optimum --corpus text.txt")
        for value in ("0", "-1", "1e+09", "nan")
    ),
    # stdout or stderr is closed.
    Case(f"{TRAIN} > /dev/full", "bigram: [Errno 28] No space left on device", apart=True),
    Case(f"{TRAIN} | true", "", status=141, apart=True),
]


@contextlib.contextmanager
def prepared(folder: Path) -> Iterator[None]:
    """Makes, in ``folder``, everything that the cases name; HELD is held by another run until it is
    left."""
    texts = {
        "text.txt": TEXT.encode(),
        "other.txt": TEXT.replace("question", "questiom").encode(),
        "secret.txt": TEXT.encode(),
        "empty.txt": b"",
        "one.txt": b"x",
        "ten.txt": b"0123456789",
        "lines.txt": b"\r\n" * 10,
        "latin1.txt": "In a small caf\xe9 they sat.".encode("latin-1"),
        "utf16.txt": TEXT.encode("utf-16"),
        "surrogate.txt": b"01234567890123456789\xed\xa0\x80 and more",
        "cut.txt": b"01234567890123456789\xe2\x82",
        "picture.png": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
        "unicode.txt": "".join(map(chr, range(0x10000, 0x10000 + 500_000))).encode(),
        "elsewhere/tinyshakespeare.txt": TEXT.encode(),
        "mine.py": b"def f(W, idx, targets): pass\nnumber = 3\n",
        "syntax.py": b"def f(:\n",
        "raises.py": b"1 / 0\n",
        "ends.py": b"import os\nos._exit(3)\n",
        "pickle.pt": b"\x80\x04\x95\x0c\x00\x00\x00\x00\x00\x00\x00\x8c\x08builtins\x94.",
        "zip.pt": b"PK\x03\x04" + bytes(100),
        "array.npy": b"\x93NUMPY\x01\x00" + bytes(100),
        "zeros": bytes(100),
        "header": (2**20 + 1).to_bytes(8, "little") + b" " * (2**20 + 2),
        "deep": with_header("[" * 15_000, b""),
    }
    for name in ("folder", "elsewhere", "EMPTY", "BROKEN", "closed"):
        (folder / name).mkdir()
    for name, data in texts.items():
        (folder / name).write_bytes(data)
    with (folder / "large.txt").open("wb") as file:
        file.truncate(2**26 + 1)  # NUL after NUL, and no room on the disk
    (folder / "secret.txt").chmod(0)
    (folder / "closed").chmod(0o555)
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "pipe")
    run = ["train", "--backend", "numpy", "--steps", "20", "--eval-interval", "10", "--json"]
    assert main([*run, "--corpus", str(folder / "text.txt"), "--out", str(folder / "RUN")]) == 0
    for path in (folder / "RUN").glob("*.safetensors"):
        (folder / "BROKEN" / path.name).write_bytes(path.read_bytes()[:100])
    break_models(folder, folder / "RUN" / "step-20.safetensors")
    with RunFolder(folder / "HELD", resume=False):
        yield


def break_models(folder: Path, whole: Path) -> None:
    """One file for each way in which a model can be none."""
    data, saved = whole.read_bytes(), load_checkpoint(whole)
    end = 8 + int.from_bytes(data[:8], "little")
    header, tensors = json.loads(data[8:end]), data[end:]
    record = checkpoint._record(saved)
    arrays = {name: getattr(saved, name) for name in TENSORS}

    def lie(name: str, **said: object) -> bytes:
        return with_header(header | {name: header[name] | said}, tensors)

    def with_value(name: str, value: float) -> bytes:
        changed = {key: array.copy() for key, array in arrays.items()}
        changed[name][1, 2] = value
        return sealed(record, header, b"".join(array.tobytes() for array in changed.values()))

    config = record["config"]
    files = {
        "cut": data[:-1],
        "longer": data + b"\0",
        "bit": data[:-1] + bytes([data[-1] ^ 1]),
        "megabytes": with_header(header | {"__metadata__": {"bigram": "x" * 3_000_000}}, tensors),
        "foreign": safetensors.save({"weight": np.zeros(3)}, {"format": "pt"}),
        "twice": with_header(json.dumps(header)[:-1] + ', "table": 1}', tensors),
        "offsets": lie("table", data_offsets=[0, 1296]),
        "shape": lie("table", shape=[324]),
        "dtype": lie("table", dtype="I32"),
        "vocabulary": sealed(record | {"vocab": record["vocab"] + "z"}, header, tensors),
        "order": sealed(record | {"vocab": record["vocab"][::-1]}, header, tensors),
        "nan": with_value("table", np.nan),
        "infinite": with_value("exp_avg", np.inf),
        "negative": with_value("exp_avg_sq", -1.0),
        "newer": sealed(record | {"format": 2}, header, tensors),
        "setting": sealed(record | {"config": config | {"dtype": "float16"}}, header, tensors),
        "step": sealed(record | {"step": 21}, header, tensors),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)


def table() -> str:
    """The cases, as they stand in ``docs/reliability.md``."""

    def cell(text: str) -> str:
        return text.replace("\n", "⏎").replace("|", "\\|")

    rows = [
        (
            f"`{cell(case.command)}`",
            str(case.status),
            f"`{cell(case.line)}`" if case.line else "none",
        )
        for case in CASES
    ]
    return markdown.table(["command", "exit status", "the one line"], rows, "lrl")
