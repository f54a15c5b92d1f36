"""Proves that a checkpoint comes back as it was saved, that it is written whole or not at all, and
that a file which is anything else is refused with one line, before memory is spent on it."""

import json
import os
import stat
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import numpy as safetensors

from bigram.runs import checkpoint as module
from bigram.runs.checkpoint import (
    TENSORS,
    Checkpoint,
    CheckpointError,
    load_checkpoint,
    save_checkpoint,
)
from common.config import Config
from common.errors import UserError
from tests.kit import ROOT


def random_checkpoint(
    V: int = 3, dtype: str = "float32", seed: int = 0, **settings: Any
) -> Checkpoint:
    rng = np.random.default_rng(seed)
    table, exp_avg, exp_avg_sq = rng.standard_normal((3, V, V)).astype(dtype)
    return Checkpoint(
        table=table,
        exp_avg=exp_avg,
        exp_avg_sq=exp_avg_sq**2,
        step=7,
        config=Config(dtype=dtype, **settings),
        vocab=tuple(chr(32 + i) for i in range(V)),
        corpus_name="Ünïcödé.txt",
        corpus_sha256="0123456789abcdef" * 4,
        rng_state=rng.bit_generator.state,
        evaluation_rng_state=rng.spawn(1)[0].bit_generator.state,
    )


def assert_equal(loaded: Checkpoint, saved: Checkpoint) -> None:
    for name in Checkpoint.__dataclass_fields__:
        ours, theirs = getattr(loaded, name), getattr(saved, name)
        if name in TENSORS:
            assert ours.dtype == theirs.dtype
            assert np.array_equal(
                ours.view(np.uint8), np.ascontiguousarray(theirs).view(np.uint8)
            ), name
        else:
            assert ours == theirs, name


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


def seal(path: Path, record: Any, arrays: dict[str, np.ndarray]) -> None:
    """Writes a file with these contents and the right checksum."""
    parts = (array.tobytes() for array in arrays.values())
    sealed = (
        record | {"sha256": module._digest(record, parts)} if isinstance(record, dict) else record
    )
    text = sealed if isinstance(sealed, str) else json.dumps(sealed)
    path.write_bytes(safetensors.save(arrays, {"bigram": text}))


def tensors(checkpoint: Checkpoint) -> dict[str, np.ndarray]:
    return {name: getattr(checkpoint, name) for name in TENSORS}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("V", [1, 2, 65])
def test_what_is_saved_comes_back(path: Path, V: int, dtype: str) -> None:
    saved = random_checkpoint(V, dtype, eval_iters=3, lr=0.1, betas=(0.5, 0.25), seed=2**70)
    saved.table[0, 0] = -0.0
    save_checkpoint(path, saved)
    loaded = load_checkpoint(path)
    assert_equal(loaded, saved)
    loaded.table[...] = 0  # fresh memory, to be written to
    assert_equal(load_checkpoint(path), saved)


@pytest.mark.parametrize("vocab", ['"\\\n', "\0\x1b\x7f", "aé𝄞"])
def test_any_character_comes_back(path: Path, vocab: str) -> None:
    saved = replace(random_checkpoint(), vocab=tuple(sorted(vocab)), corpus_name="a\udcff\n\x1b")
    save_checkpoint(path, saved)
    assert_equal(load_checkpoint(path), saved)


@pytest.mark.parametrize(
    "strided",
    [
        lambda a: a.T,
        np.asfortranarray,
        lambda a: np.repeat(a, 2, axis=1)[:, ::2],
        lambda a: a[::-1, ::-1],
        lambda a: np.broadcast_to(a[0] ** 2, a.shape),
    ],
)
def test_a_tensor_of_any_strides_comes_back(path: Path, strided: Callable) -> None:
    plain = random_checkpoint(5)
    saved = replace(plain, **{name: strided(array) for name, array in tensors(plain).items()})
    save_checkpoint(path, saved)
    assert_equal(load_checkpoint(path), saved)


def test_the_same_state_gives_the_same_bytes(path: Path) -> None:
    save_checkpoint(path, random_checkpoint())
    code = (
        "import sys; from tests.bigram.runs.test_checkpoint import *; "
        "save_checkpoint(sys.argv[1], random_checkpoint())"
    )
    other = path.with_name("other.safetensors")
    environment = os.environ | {"PYTHONHASHSEED": "1"}
    root = ROOT
    subprocess.run([sys.executable, "-c", code, str(other)], check=True, env=environment, cwd=root)
    assert other.read_bytes() == path.read_bytes()


def test_safetensors_reads_it_from_numpy_and_from_torch(path: Path) -> None:
    saved = random_checkpoint(4)
    save_checkpoint(path, saved)
    for name, array in safetensors.load_file(path).items():
        np.testing.assert_array_equal(array, getattr(saved, name))
    pytest.importorskip("torch")
    from safetensors import torch as safetensors_torch

    for name, tensor in safetensors_torch.load_file(path).items():
        np.testing.assert_array_equal(tensor.numpy(), getattr(saved, name))


@pytest.mark.skipif(os.name != "posix", reason="umask is POSIX")
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_permissions_follow_the_umask(path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        save_checkpoint(path, random_checkpoint())
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


def test_it_is_on_the_disk_before_it_takes_the_name(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, replace_ = os.fsync, os.replace

    def noted_fsync(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        done.append("folder" if is_folder else f"file of {os.fstat(descriptor).st_size}")
        fsync(descriptor)

    def noted_replace(source: Path, target: Path) -> None:
        done.append("name")
        replace_(source, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    save_checkpoint(path, random_checkpoint())
    assert done == [f"file of {path.stat().st_size}", "name"] + ["folder"] * (os.name == "posix")


@pytest.mark.parametrize("where", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_save_that_fails_leaves_all_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch, where: str, error: BaseException
) -> None:
    save_checkpoint(path, random_checkpoint())
    before = path.read_bytes()

    def fail(*args: object) -> None:
        raise error

    monkeypatch.setattr(os, where, fail)
    expected = CheckpointError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected) as raised:
        save_checkpoint(path, random_checkpoint(seed=1))
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]
    if isinstance(error, OSError):
        assert "No space left on device; checkpoints that were there before are untouched" in str(
            raised.value
        )


def test_what_could_not_be_loaded_is_not_saved(path: Path) -> None:
    good = random_checkpoint()
    for wrong, reason in [
        (replace(good, table=good.table * np.nan), "table holds values that are not finite"),
        (
            replace(good, exp_avg=good.exp_avg.astype("float64")),
            "exp_avg is float64 in a run in float32",
        ),
        (replace(good, exp_avg_sq=good.exp_avg_sq[:2]), r"exp_avg_sq has shape \(2, 3\)"),
        (replace(good, vocab=("a", "b")), "its vocabulary 2 characters"),
        (replace(good, vocab=("b", "a", "c")), "not distinct characters in order"),
        (replace(good, vocab=("ab", "c", "")), "not a tuple of single characters"),
        (replace(good, vocab=("a", "b", "\ud800")), "lone surrogate"),
        (replace(good, step=5001), "step is not one of its schedule's"),
        (replace(good, rng_state=np.random.MT19937(0).state), "not JSON serializable"),
        (replace(good, evaluation_rng_state={"bit_generator": "PCG64"}), "no states of two PCG64"),
        (replace(good, corpus_name="x" * 2**14), "over the limit of 16426 for 108 of tensors"),
    ]:
        with pytest.raises(CheckpointError, match=reason):
            save_checkpoint(path, wrong)
    assert os.listdir(path.parent) == []
    with pytest.raises(CheckpointError, match=r"No such file or directory"):
        save_checkpoint(path.parent / "nowhere" / "model", good)


def test_a_file_cut_off_anywhere_is_refused(path: Path) -> None:
    save_checkpoint(path, random_checkpoint(2))
    data = path.read_bytes()
    path.write_bytes(data + b"\0")
    with pytest.raises(CheckpointError, match="bytes of tensors"):
        load_checkpoint(path)
    for length in reversed(range(len(data))):
        os.truncate(path, length)
        with pytest.raises(CheckpointError):
            load_checkpoint(path)


def test_a_file_with_a_bit_changed_is_the_same_or_refused(path: Path) -> None:
    saved = random_checkpoint(2)
    save_checkpoint(path, saved)
    data = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = []
    with path.open("r+b", buffering=0) as file:
        for at, byte in enumerate(data):
            file.seek(at)
            file.write(bytes([byte ^ 1 << int(rng.integers(8))]))
            try:
                assert_equal(load_checkpoint(path), saved)
            except CheckpointError as error:
                refused.append(str(error))
            file.seek(at)
            file.write(bytes([byte]))
    assert len(refused) > 0.99 * len(data)  # what is left is the spaces that pad the header
    assert not any("\n" in message for message in refused)


def entries(**changes: Any) -> Callable[[dict], dict]:
    return lambda record: record | changes


def settings(**changes: Any) -> Callable[[dict], dict]:
    return lambda record: record | {"config": record["config"] | changes}


def generator(**changes: Any) -> Callable[[dict], dict]:
    def change(record: dict) -> dict:
        rng = record["rng"]
        inner = {name: changes[name] for name in ("state", "inc") if name in changes}
        outer = {name: value for name, value in changes.items() if name not in inner}
        return record | {"rng": rng | outer | {"state": rng["state"] | inner}}

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            entries(format=2),
            "is in format 2 and only format 1 is known here; read it with a newer version",
        ),
        (entries(format=0), "another version"),
        (entries(format="1"), "does not say its format"),
        (entries(format=True), "does not say its format"),
        (lambda record: [record], "does not say its format"),
        (lambda record: {name: record[name] for name in record if name != "step"}, "other entries"),
        (entries(more=1), "other entries"),
        (entries(step=-1), "step"),
        (entries(step=5001), "step"),
        (entries(step=7.0), "step"),
        (entries(step=True), "step"),
        (entries(step=10**400), "step"),
        (entries(vocab=""), "vocabulary"),
        (entries(vocab=["a", "b", "c"]), "vocabulary"),
        (entries(vocab="aab"), "distinct characters in order"),
        (entries(vocab="cba"), "distinct characters in order"),
        (entries(vocab="ab\ud800"), "lone surrogate"),
        (entries(vocab="abcd"), "not three of 4 x 4 float32"),
        (entries(corpus={"name": "x"}), "corpus"),
        (entries(corpus={"name": "x", "sha256": "A" * 64}), "corpus"),
        (entries(corpus={"name": "x", "sha256": "a" * 63}), "corpus"),
        (entries(corpus={"name": 1, "sha256": "a" * 64}), "corpus"),
        (entries(config=None), "settings"),
        (entries(config={}), "settings"),
        (settings(more=1), "settings"),
        (settings(dtype="float64"), "not three of 3 x 3 float64"),
        (settings(dtype="float16"), "dtype is 'float16'"),
        (settings(dtype="x" * 10**4), "dtype is 'xxx"),
        (settings(batch_size="32"), "settings"),
        (settings(batch_size=32.0), "settings"),
        (settings(batch_size=True), "settings"),
        (settings(batch_size=0), "batch_size is 0"),
        (settings(max_iters=10**13), "max_iters"),
        (settings(lr=-1), "lr is -1"),
        (settings(lr=None), "settings"),
        (settings(eps=10**300), "eps"),
        (settings(betas=[0.9]), "settings"),
        (settings(betas=0.9), "settings"),
        (settings(betas=[0.9, 1.0]), "beta2 is 1.0"),
        (settings(seed=-1), "seed is -1"),
        (settings(eval_iters=0), "eval_iters is 0"),
        (entries(rng=None), "PCG64"),
        (entries(evaluation_rng={}), "PCG64"),
        (generator(bit_generator="MT19937"), "PCG64"),
        (generator(state=2**128), "PCG64"),
        (generator(state=-1), "PCG64"),
        (generator(state="1"), "PCG64"),
        (generator(inc=2), "PCG64"),
        (generator(has_uint32=2), "PCG64"),
        (generator(has_uint32=True), "PCG64"),
        (generator(uinteger=2**32), "PCG64"),
        (generator(more=1), "PCG64"),
        (lambda record: "{", "its header is not JSON"),
        (lambda record: '{"format":1,"format":1}', "an entry twice"),
        (lambda record: '{"format":NaN}', "holds NaN, which is not a number"),
        (lambda record: '{"format":-Infinity}', "holds -Infinity"),
        (lambda record: json.dumps(record).replace('"lr": 0.001', '"lr": 1e999'), "lr is inf"),
        (lambda record: '{"format":' + "9" * 5000 + "}", "its header is not JSON"),
        (lambda record: "[" * 15_000, "cannot load"),  # too deep, or never closed
        (lambda record: '{"a":' * 3_000, "cannot load"),
        (lambda record: "{}," * 6_000, "over the limit"),
        (lambda record: " " * 2**21, "over the limit"),
        (entries(corpus={"name": "x" * 2**14, "sha256": "a" * 64}), "over the limit"),
    ],
)
def test_metadata_that_is_not_a_runs_is_refused(path: Path, change: Callable, reason: str) -> None:
    saved = random_checkpoint()
    record = module._record(saved)
    seal(path, json.loads(json.dumps(record)), tensors(saved))
    assert_equal(load_checkpoint(path), saved)
    seal(path, change(record), tensors(saved))
    with pytest.raises(CheckpointError) as raised:
        load_checkpoint(path)
    assert reason in str(raised.value)
    assert str(raised.value).startswith(f"cannot load {path}: ")
    assert len(str(raised.value)) < 600
    assert "\n" not in str(raised.value)


def with_value(name: str, value: float) -> Callable:
    def change(arrays: dict) -> dict:
        changed = arrays[name].copy()
        changed[1, 2] = value
        return arrays | {name: changed}

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (with_value("table", np.nan), "table holds values that are not finite"),
        (with_value("table", np.inf), "table holds values that are not finite"),
        (with_value("exp_avg", -np.inf), "exp_avg holds values that are not finite"),
        (with_value("exp_avg_sq", np.nan), "exp_avg_sq holds values that are not finite"),
        (with_value("exp_avg_sq", -1e-30), "negative"),
        (
            lambda arrays: {n: a.astype("float64") for n, a in arrays.items()},
            "not three of 3 x 3 float32",
        ),
        (
            lambda arrays: {n: a.astype("float16") for n, a in arrays.items()},
            "not three of 3 x 3 float32",
        ),
        (
            lambda arrays: {n: a.view("int32") for n, a in arrays.items()},
            "not three of 3 x 3 float32",
        ),
        (lambda arrays: {n: a.ravel() for n, a in arrays.items()}, "not three of 3 x 3 float32"),
        (
            lambda arrays: {n: a[:2, :2].copy() for n, a in arrays.items()},
            "not three of 3 x 3 float32",
        ),
        (lambda arrays: {"table": arrays["table"]}, "not three of 3 x 3 float32"),
        (lambda arrays: arrays | {"zzz": arrays["table"]}, "not three of 3 x 3 float32"),
        # another state, and a valid one
        (lambda arrays: arrays | {"table": arrays["exp_avg"]}, None),
    ],
)
def test_tensors_that_are_not_a_runs_are_refused(
    path: Path, change: Callable, reason: str | None
) -> None:
    saved = random_checkpoint()
    arrays = change(tensors(saved))
    seal(path, module._record(saved), arrays)
    if reason is None:
        np.testing.assert_array_equal(load_checkpoint(path).table, saved.exp_avg)
        return
    with pytest.raises(CheckpointError, match=reason):
        load_checkpoint(path)


def swap_offsets(header: dict) -> None:
    first, second = header["table"], header["exp_avg"]
    first["data_offsets"], second["data_offsets"] = second["data_offsets"], first["data_offsets"]


@pytest.mark.parametrize(
    "lie",
    [
        swap_offsets,
        # two tensors on the same bytes
        lambda header: header["table"].update(data_offsets=[0, 36]),
        lambda header: header["table"].update(data_offsets=[72, 107]),
        lambda header: header["table"].update(data_offsets=[72, 2**62]),
        lambda header: header["table"].update(data_offsets=[-36, 0]),
        lambda header: header["table"].update(data_offsets=[72.0, 108]),
        lambda header: header["table"].update(shape=[2**31, 2**31]),
        lambda header: header["table"].update(shape=[9, 1]),
        lambda header: header["table"].update(dtype="I32"),
        lambda header: header["table"].update(more=1),
        lambda header: header.pop("table"),
        lambda header: header.pop("__metadata__"),
        lambda header: header.update(__metadata__={}),
        lambda header: header.update(__metadata__={"bigram": 1}),
        lambda header: header["__metadata__"].update(more="1"),
        lambda header: header.update(more=header["table"]),
    ],
)
def test_a_header_that_lies_is_refused(path: Path, lie: Callable) -> None:
    save_checkpoint(path, random_checkpoint())
    data = path.read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    assert header["table"]["data_offsets"] == [72, 108]
    lie(header)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[end:])
    with pytest.raises(
        CheckpointError, match=r"its tensors are not three of|no metadata named|no text"
    ):
        load_checkpoint(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "cut off"),
        (b"\x80\x04\x95\x0c", "cut off"),
        (b"PK\x03\x04" + bytes(100), "cut off"),
        (b"\x93NUMPY" + bytes(100), "cut off"),
        (bytes(8), "its header is not JSON"),
        (bytes(100), "its header is not JSON"),
        (b"\xff" * 100, "cut off"),
        ((2**20 + 1).to_bytes(8, "little") + b" " * 2**21, "over the limit"),
        ((2).to_bytes(8, "little") + b"{}", "no metadata"),
        ((2).to_bytes(8, "little") + b"[]", "no metadata"),
        ((2).to_bytes(8, "little") + b"\xff\xfe", "its header is not JSON"),
        ((9).to_bytes(8, "little") + b'{"a":1e9}', "no metadata"),
        ((15_000).to_bytes(8, "little") + b"[" * 15_000, "its header is not JSON"),
    ],
)
def test_other_files_are_refused(path: Path, content: bytes, reason: str) -> None:
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=reason):
        load_checkpoint(path)


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="No such file or directory"):
        load_checkpoint(tmp_path / "vanished")
    with pytest.raises(CheckpointError):
        load_checkpoint("a\0b")
    with pytest.raises(CheckpointError):  # what the system calls it depends on the system
        load_checkpoint(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(CheckpointError, match="not a regular file"):
            load_checkpoint(tmp_path / "pipe")
    if Path("/dev/zero").exists():
        with pytest.raises(CheckpointError, match="not a regular file"):
            load_checkpoint("/dev/zero")


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="to root all files are readable"
)
def test_a_file_without_permission_is_refused(path: Path) -> None:
    save_checkpoint(path, random_checkpoint())
    path.chmod(0)
    with pytest.raises(CheckpointError, match="Permission denied"):
        load_checkpoint(path)


def test_a_large_file_is_refused_in_little_memory(path: Path) -> None:
    V = 1000
    size = 3 * V * V * 4
    saved = replace(random_checkpoint(), vocab=tuple(chr(0x4E00 + i) for i in range(V)))
    header = module._tensor_header(V, "float32")
    for digest, length in [("0" * 64, size), ("0" * 64, 2**36)]:
        text = json.dumps(module._record(saved) | {"sha256": digest})
        head = json.dumps(header | {"__metadata__": {"bigram": text}}).encode()
        with path.open("wb") as file:
            file.write(len(head).to_bytes(8, "little") + head)
            file.truncate(8 + len(head) + length)
        tracemalloc.start()
        try:
            with pytest.raises(
                CheckpointError, match="checksum" if length == size else "bytes of tensors"
            ):
                load_checkpoint(path)
            assert tracemalloc.get_traced_memory()[1] < size / 2
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize(
    ("first", "V"),
    [("\0", 32), ("\u4e00", 20_000), ("\U00010000", 70_000)],
    ids=["control", "CJK", "astral"],
)
def test_any_vocabulary_has_room_in_the_header_and_little_else_has(first: str, V: int) -> None:
    saved = replace(
        random_checkpoint(),
        config=Config(seed=10**4000),
        vocab=tuple(chr(ord(first) + i) for i in range(V)),
        corpus_name="\udcff" * 255,  # the longest name of a file, and of bytes that are not UTF-8
    )
    text = json.dumps(
        module._canonical(module._record(saved) | {"sha256": "0" * 64}), ensure_ascii=False
    )
    length = (
        len(text)
        + len(json.dumps(module._tensor_header(V, "float32")))
        + len('"__metadata__":{"bigram":}')
    )
    module._check_header_length(length, 3 * V * V * 4)
    with pytest.raises(CheckpointError, match="over the limit"):
        module._check_header_length(length + 2**14 + 7 * V, 3 * V * V * 4)


def test_a_checkpoint_error_is_one_for_the_user() -> None:
    assert issubclass(CheckpointError, UserError)
    source = Path(module.__file__).read_text(encoding="utf-8")
    assert not {"pickle", "marshal", "eval", "exec"} & set(dir(module))
    assert "import pickle" not in source
