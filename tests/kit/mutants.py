"""Checkpoints damaged in every way we could think of, from a seed, and what loading each comes to.

    python -m tests.kit.mutants 100000

Some are accidents: flipped bits, files cut off or run together. Some are lies: a header or a record
that says something else, with a new checksum, so that the tests behind the checksum are reached.
``figures`` loads them all and lists what must not have happened.
"""

import json
import random
import re
import sys
import tempfile
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
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

SECONDS = 0.1  # of processor time that a file may take
BYTES = 64 * 2**20  # of memory
SIZES = (3, 4, 5, 8, 13, 27, 65)  # V of the files that are damaged

# What no number, text or setting of a record is ever followed by.
ODD_VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2**31, 2**63, 2**64, 2**128, 10**300, 0.5, -0.0, 1e-320, 1e308,
    "", "0", "NaN", "float16", "PCG64", "\0", "é", "\U0001f600", "a" * 64,
    [], [0.9], [0.9, 0.999], [[]], {}, {"state": 1},
]  # fmt: skip

# As other programs begin their files.
FOREIGN = [
    b"", b"\x80\x04\x95", b"PK\x03\x04", b"\x93NUMPY\x01\x00", b"\x1f\x8b\x08", b"\x89HDF",
    b"GGUF", b"{}",
    b"<html>", b"\xff\xfe", b"\xef\xbb\xbf",
]  # fmt: skip

# JSON of a few bytes that takes many times as much memory.
DENSE = ["[],", "{},", "[[]],", '{"":0},', "1e9,", '"ab",', "[0],", "99,", '{"":""},', '"\\u0100",']


@dataclass(frozen=True)
class Original:
    """A checkpoint, and its file in parts."""

    checkpoint: Checkpoint
    data: bytes
    header: dict[str, Any]
    record: dict[str, Any]  # the JSON in the header, without its checksum
    tensors: bytes


@dataclass(frozen=True)
class Mutant:
    """A damaged file."""

    data: bytes
    hollow: int = 0  # bytes of nothing behind the data: a hole, which takes no room on the disk
    record: dict[str, Any] | None = (
        None  # what it says of the run, where that is sealed with a checksum
    )
    must_be_refused: bool = False


def original(V: int, dtype: str, seed: int) -> Original:
    """A run after 7 steps, every number of it random."""
    rng = np.random.default_rng(seed)
    table, exp_avg, exp_avg_sq = rng.standard_normal((3, V, V)).astype(dtype)
    checkpoint = Checkpoint(
        table=table,
        exp_avg=exp_avg,
        exp_avg_sq=exp_avg_sq**2,
        step=7,
        config=Config(dtype=dtype, seed=seed),
        vocab=tuple(map(chr, range(0xA0, 0xA0 + V))),
        corpus_name="Ünïcödé.txt",
        corpus_sha256=rng.bytes(32).hex(),
        rng_state=rng.bit_generator.state,
        evaluation_rng_state=rng.spawn(1)[0].bit_generator.state,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "original"
        save_checkpoint(path, checkpoint)
        data = path.read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    record = json.loads(header["__metadata__"]["bigram"])
    del record["sha256"]
    return Original(checkpoint, data, header, record, data[end:])


def with_header(header: Any, tensors: bytes) -> bytes:
    """A file with this header, a text or what becomes one."""
    text = header if isinstance(header, str) else json.dumps(header, ensure_ascii=False)
    start = text.encode("utf-8", "surrogatepass")
    return len(start).to_bytes(8, "little") + start + tensors


def sealed(record: Any, header: dict[str, Any], tensors: bytes) -> bytes:
    """A file with any record and the right checksum."""
    record = record | {"sha256": module._digest(record, [tensors])}
    return with_header(header | {"__metadata__": {"bigram": module._canonical(record)}}, tensors)


# Accidents. What loads must be the original.


def flip_bits(rng: random.Random, this: Original, other: Original) -> Mutant:
    data = bytearray(this.data)
    # Half of them where a flipped bit can do more than spoil a number.
    end = len(data) if rng.random() < 0.5 else len(data) - len(this.tensors)
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        data[rng.randrange(end)] ^= 1 << rng.randrange(8)
    return Mutant(bytes(data))


def overwrite(rng: random.Random, this: Original, other: Original) -> Mutant:
    data = bytearray(this.data)
    start = rng.randrange(len(data))
    length = min(rng.choice((1, 2, 8, 512)), len(data) - start)
    data[start : start + length] = rng.choice(
        (bytes(length), b"\xff" * length, rng.randbytes(length))
    )
    return Mutant(bytes(data))


def cut_off(rng: random.Random, this: Original, other: Original) -> Mutant:
    return Mutant(this.data[: rng.randrange(len(this.data))])


def lengthen(rng: random.Random, this: Original, other: Original) -> Mutant:
    more = rng.choice((b"\0", this.data, this.tensors, rng.randbytes(rng.randrange(1, 999))))
    return Mutant(this.data + more)


def hollow_out(rng: random.Random, this: Original, other: Original) -> Mutant:
    # Gigabytes that are not there, behind the data or in place of all but its beginning.
    kept = rng.choice((len(this.data), rng.randrange(len(this.data))))
    return Mutant(this.data[:kept], hollow=rng.choice((1, 2**20, 2**32, 2**40)))


def move_a_piece(rng: random.Random, this: Original, other: Original) -> Mutant:
    a, b, c = sorted(rng.randrange(len(this.data) + 1) for _ in range(3))
    data = this.data
    changed = rng.choice(
        (
            data[:a] + data[b:],  # lost
            data[:b] + data[a:],  # twice
            data[:a] + data[b:c] + data[a:b] + data[c:],  # changed places
        )
    )
    return Mutant(changed)


def splice(rng: random.Random, this: Original, other: Original) -> Mutant:
    a, b = rng.randrange(len(this.data)), rng.randrange(len(other.data))
    parts = [
        this.data[:a] + other.data[b:],
        this.data[:a] + other.data[a:],
        this.data[: -len(this.tensors)] + other.tensors,
        this.data[:8] + other.data[8:],
    ]
    return Mutant(rng.choice([data for data in parts if data != other.data]))  # which is no mutant


# Lies, not sealed. What loads must be the original.


def lie_about_the_length(rng: random.Random, this: Original, other: Original) -> Mutant:
    length = int.from_bytes(this.data[:8], "little")
    lies = [
        0,
        1,
        2**20,
        2**20 + 1,
        2**31,
        2**32,
        2**62,
        2**63,
        2**64 - 1,
        len(this.data) - 8,
        len(this.data),
    ]
    said = rng.choice([*lies, max(0, length + rng.randrange(-16, 16)), rng.randrange(2**64)])
    return Mutant(said.to_bytes(8, "little") + this.data[8:])


def lie_about_a_tensor(rng: random.Random, this: Original, other: Original) -> Mutant:
    header = json.loads(json.dumps(this.header))
    tensor = header[rng.choice(TENSORS)]
    V = len(this.checkpoint.vocab)
    said = rng.choice(("data_offsets", "shape", "dtype"))
    if said == "dtype":
        tensor[said] = rng.choice(
            ("F16", "BF16", "F64", "F32", "I32", "U8", "BOOL", "", "O", 32, None)
        )
    elif said == "shape":
        tensor[said] = rng.choice(
            (
                [V * V],
                [V, V, 1],
                [V - 1, V],
                [2**31, 2**31],
                [-V, -V],
                [V, 1.0 * V],
                [],
                "V",
                [0, 0],
                [2**64],
            )
        )
    else:
        offsets = tensor[said]
        start, stop = offsets
        other_offsets = header[rng.choice(TENSORS)]["data_offsets"]
        tensor[said] = rng.choice(
            (
                other_offsets,  # on the same bytes as another, or as they were
                [stop, start],
                [start + 1, stop],
                [start, stop - 1],
                [-start, stop],
                [start, 2**62],
                [2**62, 2**62 + stop - start],
                [1.0 * start, stop],
                [start],
                offsets * 2,
                [str(start), stop],
                rng.sample(range(len(this.tensors)), 2),
            )
        )
    return Mutant(with_header(header, this.tensors))


def say_it_twice(rng: random.Random, this: Original, other: Original) -> Mutant:
    text = json.dumps(this.header, ensure_ascii=False)
    name = rng.choice((*TENSORS, "__metadata__", "dtype", "shape", "data_offsets", "bigram"))
    value = json.dumps(rng.choice([*ODD_VALUES, this.header.get(name), other.header.get(name)]))
    at = rng.choice([match.start() for match in re.finditer(rf'"{name}"', text)])
    return Mutant(with_header(f'{text[:at]}"{name}": {value}, {text[at:]}', this.tensors))


def name_another(rng: random.Random, this: Original, other: Original) -> Mutant:
    header = dict(this.header)
    name = rng.choice(list(header))
    value = header.pop(name)
    if rng.random() < 0.7:
        header[rng.choice(("Table", "table ", "tаble", "", "exp_avg\0", *this.header))] = value
    return Mutant(with_header(header, this.tensors))


def swap_the_metadata(rng: random.Random, this: Original, other: Original) -> Mutant:
    metadata = rng.choice(
        (
            other.header["__metadata__"],
            {"bigram": module._canonical(this.record)},
            {"bigram": module._canonical(this.record | {"sha256": "0" * 64})},
            {"bigram": rng.choice(["", "{}", "[]", "null", "NaN", "1", '"x"'])},
            {"format": "pt"},
            {**this.header["__metadata__"], "format": "pt"},
            {"bigram": rng.choice(ODD_VALUES)},
            rng.choice(ODD_VALUES),
        )
    )
    return Mutant(with_header(this.header | {"__metadata__": metadata}, this.tensors))


def blow_up_the_header(rng: random.Random, this: Original, other: Original) -> Mutant:
    dense = rng.choice(DENSE)
    # As much as is allowed, or more of it.
    room = rng.choice((2**14 - 3000, 2**14 - 3000, 2**17, 2**20 - 3000, 3 * 2**20))
    text = f"[{dense * (room // len(dense))}0]"
    header = this.header | {"__metadata__": {"bigram": text}}
    inside = json.dumps(this.header)[:-1] + f', "more": {text}}}'
    deep = rng.choice(("[", '{"a":')) * (room // 5)
    return Mutant(
        with_header(rng.choice((header, inside, text, deep)), this.tensors), must_be_refused=True
    )


def be_another_file(rng: random.Random, this: Original, other: Original) -> Mutant:
    data = rng.choice(FOREIGN) + rng.randbytes(rng.choice((0, 1, 8, 100, 5000)))
    if rng.random() < 0.3:  # what safetensors itself would write for another program
        data = safetensors.save({"weight": this.checkpoint.table}, {"format": "pt"})
    return Mutant(data, must_be_refused=True)


# False records, sealed with a new checksum. A file that loads must hold what its record says.


def change_the_record(rng: random.Random, this: Original, other: Original) -> Mutant:
    record = json.loads(json.dumps(this.record))
    place = record
    while True:
        name = rng.choice(list(place))
        if isinstance(place[name], dict) and rng.random() < 0.8:
            place = place[name]
            continue
        break
    value = place.pop(name)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    near = [value + 1, value - 1, -value, value * 10**20, 1.0 * min(value, 10**9)] if number else []
    text = (
        [value[::-1], value[1:], value + "\0", value * 2, value + "\ud800"]
        if isinstance(value, str)
        else []
    )
    if rng.random() < 0.9:
        place[name if rng.random() < 0.95 else name + "_"] = rng.choice([*ODD_VALUES, *near, *text])
    if rng.random() < 0.05:
        place["more"] = 1
    return Mutant(sealed(record, this.header, this.tensors), record=record)


def seal_a_number_that_is_none(rng: random.Random, this: Original, other: Original) -> Mutant:
    arrays = {name: getattr(this.checkpoint, name).copy() for name in TENSORS}
    name = rng.choice(TENSORS)
    bad = [np.nan, -np.nan, np.inf, -np.inf] + [-1.0, -1e-30] * (name == "exp_avg_sq")
    cell = rng.randrange(arrays[name].size)
    arrays[name].flat[rng.choice((0, -1, cell))] = rng.choice(bad)
    tensors = b"".join(array.tobytes() for array in arrays.values())
    return Mutant(sealed(this.record, this.header, tensors), must_be_refused=True)


def seal_other_tensors(rng: random.Random, this: Original, other: Original) -> Mutant:
    arrays = {name: getattr(this.checkpoint, name) for name in TENSORS}
    name = rng.choice(TENSORS)
    array = arrays[name]
    narrower = "float16" if array.dtype == "float32" else "float32"
    wrong = rng.choice(
        (
            {**arrays, name: array.astype(narrower)},
            {**arrays, name: np.ascontiguousarray(array[1:])},
            {**arrays, name: np.ascontiguousarray(array[:, 1:])},
            {**arrays, name: array.ravel()},
            {**arrays, name: array[None]},
            {**arrays, name: array.view(f"i{array.itemsize}")},
            {**arrays, "weight": array},
            {key: value for key, value in arrays.items() if key != name},
            {key: value.astype(narrower) for key, value in arrays.items()},
            {key: np.ascontiguousarray(value[1:, 1:]) for key, value in arrays.items()},
        )
    )
    parts = (value.tobytes() for value in wrong.values())
    record = this.record | {"sha256": module._digest(this.record, parts)}
    data = safetensors.save(wrong, {"bigram": module._canonical(record)})
    return Mutant(data, must_be_refused=True)


KINDS: dict[str, Callable[[random.Random, Original, Original], Mutant]] = {
    "bits flipped": flip_bits,
    "bytes overwritten": overwrite,
    "cut off": cut_off,
    "lengthened": lengthen,
    "mostly a hole, up to a terabyte": hollow_out,
    "a piece lost, twice, or elsewhere": move_a_piece,
    "two files run together": splice,
    "a lie about the header's length": lie_about_the_length,
    "a lie about offsets, shape or dtype": lie_about_a_tensor,
    "an entry twice": say_it_twice,
    "an entry under another name": name_another,
    "another's metadata": swap_the_metadata,
    "a header blown up": blow_up_the_header,
    "no checkpoint at all": be_another_file,
    "another record, sealed": change_the_record,
    "a number that is none, sealed": seal_a_number_that_is_none,
    "other tensors, sealed": seal_other_tensors,
}


def mutants(count: int, seed: int) -> Iterator[tuple[str, Original, Mutant]]:
    """So many damaged files, all kinds in turn: the kind, what was damaged, the file."""
    rng = random.Random(seed)
    originals = [
        original(V, dtype, seed) for seed, V in enumerate(SIZES) for dtype in ("float32", "float64")
    ]
    for k in range(count):
        kind = list(KINDS)[k % len(KINDS)]
        this, other = rng.sample(originals, 2)
        yield kind, this, KINDS[kind](rng, this, other)


def reason(error: CheckpointError, path: Path) -> str:
    """Why a file was refused, without what is different in every file."""
    if type(error.__cause__) is not CheckpointError:
        return {
            "JSONDecodeError": "its header is no JSON",
            "UnicodeDecodeError": "its header is not UTF-8",
            "RecursionError": "its header is nested too deep",
            "UserError": "a setting that no run can have",
            "ValueError": "a number of thousands of digits",
        }.get(type(error.__cause__).__name__, str(error))
    text = str(error).removeprefix(f"cannot load {path}: ")
    return re.sub(
        r"(?<!\w)-?\d+( x \d+)?",
        "N",
        text.replace("float32", "floats").replace("float64", "floats"),
    )


def is_same(loaded: Checkpoint, this: Original, mutant: Mutant) -> bool:
    """Whether the arrays are the original's, bit for bit, and all else what the record says."""
    arrays = all(
        getattr(loaded, name).tobytes() == getattr(this.checkpoint, name).tobytes()
        and getattr(loaded, name).dtype == getattr(this.checkpoint, name).dtype
        for name in TENSORS
    )
    said = this.record if mutant.record is None else mutant.record
    return arrays and module._canonical(module._record(loaded)) == module._canonical(said)


def outcome(path: Path) -> Checkpoint | CheckpointError:
    """What loading comes to. Any other exception is let through."""
    try:
        return load_checkpoint(path)
    except CheckpointError as error:
        return error


def processor_time(path: Path) -> float:
    """Seconds that loading takes; where it is much, the least of three, for the machine has other
    work."""
    times: list[float] = []
    while len(times) < 3 and min(times, default=1.0) > SECONDS / 4:
        start = time.process_time()
        outcome(path)
        times.append(time.process_time() - start)
    return min(times)


@contextmanager
def address_space(more: int) -> Iterator[None]:
    """Within it, the process is given no more than so many bytes on top of what it has: what
    tracemalloc does not see, as in safetensors' own code, fails too. Only Linux says how much a
    process has."""
    status = Path("/proc/self/statm")
    if not status.exists():
        yield
        return
    import resource

    used = int(status.read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def figures(count: int, seed: int) -> dict[str, Any]:
    """Loads so many mutants. ``problems`` says what should not have happened: a file that loads to
    something else, one that had to be refused and was not, another exception, more time or more
    memory."""
    kinds: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    reasons: Counter[str] = Counter()
    problems: list[str] = []
    slowest, largest = 0.0, 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mutant.safetensors"
        for number, (kind, this, mutant) in enumerate(mutants(count, seed)):
            with path.open("wb") as file:
                file.write(mutant.data)
                if mutant.hollow:
                    file.truncate(len(mutant.data) + mutant.hollow)
            try:
                seconds = processor_time(path)
                tracemalloc.start()
                with address_space(BYTES):
                    found = outcome(path)
                memory = tracemalloc.get_traced_memory()[1]
            except Exception as error:
                problems.append(f"{number}, {kind}: {type(error).__name__}: {error}")
                continue
            finally:
                tracemalloc.stop()
            slowest, largest = max(slowest, seconds), max(largest, memory)
            if seconds > SECONDS or memory > BYTES:
                problems.append(
                    f"{number}, {kind}: {1e3 * seconds:.0f} ms, {memory / 2**20:.0f} MB"
                )
            if isinstance(found, CheckpointError):
                kinds[kind]["refused"] += 1
                reasons[reason(found, path)] += 1
                if "\n" in str(found) or "memory" in str(found):
                    problems.append(f"{number}, {kind}: {found}")
            else:
                kinds[kind]["loaded"] += 1
                if mutant.must_be_refused or not is_same(found, this, mutant):
                    problems.append(f"{number}, {kind}: loaded, and is not what was saved")
    return {
        "files": count,
        "kinds": {kind: dict(counts) for kind, counts in kinds.items()},
        "reasons": dict(reasons.most_common()),
        "slowest_ms": 1e3 * slowest,
        "largest_mb": largest / 2**20,
        "problems": problems,
    }


if __name__ == "__main__":
    print(json.dumps(figures(int(sys.argv[1]), seed=0), indent=2, ensure_ascii=False))
