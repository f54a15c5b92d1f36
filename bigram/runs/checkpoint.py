"""One state of a training run in one file, in the safetensors format, and back.

A file holds the table, both moments and, as JSON in the header, everything else that the run needs
to go on as if it had never stopped. Any safetensors reader can open it. Nothing in it is executed:
it is no pickle. It is written whole or not at all.

A file is read as if it came from an enemy. The header fixes the size and layout of the file to the
last byte, and a sha256 covers all of it: a file loads to the state that was saved, or it is
refused. The checksum finds accidents; an attacker can compute a new one.
"""

import hashlib
import json
import math
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np
from safetensors import SafetensorError
from safetensors import numpy as safetensors

from common.arrays import Array
from common.config import Config
from common.errors import UserError
from common.files import replace_file

VERSION = 1  # of the format; to be raised when an older reader would misunderstand a newer file
KEY = "bigram"  # of the only entry of metadata: safetensors writes several in no fixed order
HEADER_LIMIT = 2**20  # bytes, in any file; a vocabulary of 50,000 characters takes about a third
DTYPES = {"float32": "F32", "float64": "F64"}
TENSORS = ("exp_avg", "exp_avg_sq", "table")  # in the order in which safetensors lays them out
GENERATOR_LIMITS = {"state": 2**128, "inc": 2**128, "has_uint32": 2, "uinteger": 2**32}  # of PCG64


class CheckpointError(UserError):
    """A file that is no usable checkpoint, or a state that cannot be saved as one."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A run after ``step`` updates, and after the evaluation of that step where it has one."""

    table: Array  # (V, V), in the dtype of the run
    exp_avg: Array  # (V, V), AdamW's two moments
    exp_avg_sq: Array
    step: int  # updates made
    config: Config
    vocab: tuple[str, ...]  # V distinct characters by code point
    corpus_name: str
    corpus_sha256: str
    rng_state: Mapping[str, Any]  # ``bit_generator.state`` of the PCG64 that draws the batches
    evaluation_rng_state: Mapping[str, Any]  # and of the one that draws sampled evaluations


def save_checkpoint(path: str | os.PathLike[str], checkpoint: Checkpoint) -> None:
    """Writes ``checkpoint`` to ``path``: wholly, or not at all. The same state gives the same
    bytes.

    Raises ``CheckpointError`` where the file cannot be written or could not be loaded again; an
    earlier file at ``path`` is then untouched.
    """
    path = Path(path)
    record = _record(checkpoint)
    # safetensors takes memory as it lies: tensors of other strides are laid out in rows first.
    arrays = {name: np.ascontiguousarray(getattr(checkpoint, name)) for name in TENSORS}
    try:
        # Looked at as the reader will look at it, so that nothing is written that is refused later.
        run = _read_record(_strict_json(_canonical(record)))
        _expect(
            run["vocab"] == checkpoint.vocab, "its vocabulary is not a tuple of single characters"
        )
        _check_arrays(arrays, run)
        parts = (array.astype(array.dtype.newbyteorder("<")).tobytes() for array in arrays.values())
        data = safetensors.save(
            arrays, {KEY: _canonical(record | {"sha256": _digest(record, parts)})}
        )
        length = int.from_bytes(data[:8], "little")
        _check_header_length(length, len(data) - 8 - length)
        replace_file(path, data)
    except OSError as error:
        raise CheckpointError(
            f"cannot save {path}: {error.strerror or error}; checkpoints that were there before "
            "are untouched"
        ) from error
    except (ValueError, TypeError) as error:  # CheckpointError is one of the first
        raise CheckpointError(f"cannot save {path}: {_short(error)}") from error


def load_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """The state that ``save_checkpoint`` wrote to ``path``, in fresh arrays.

    Raises ``CheckpointError``, and nothing else, for any other file. It allocates no more than the
    size of the file, and that only after header and checksum are verified.
    """
    try:
        with open(path, "rb", opener=_open_without_waiting) as file:
            return _read(file)
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror or error}") from error
    except MemoryError as error:
        raise CheckpointError(f"cannot load {path}: its tables do not fit into memory") from error
    except UserError as error:
        raise CheckpointError(f"cannot load {path}: {_short(error)}") from error
    except (ValueError, RecursionError, SafetensorError) as error:  # a parser's, in its own words
        raise CheckpointError(
            f"cannot load {path}: its header is not JSON: it was damaged, or is no safetensors file"
        ) from error


def _read(file: BinaryIO) -> Checkpoint:
    status = os.fstat(file.fileno())
    _expect(stat.S_ISREG(status.st_mode), "it is not a regular file")
    start = file.read(8)
    length = int.from_bytes(start, "little")
    rest = status.st_size - 8 - length
    _expect(len(start) == 8 and rest >= 0, "it is cut off, or no safetensors file")
    _check_header_length(length, rest)
    head = start + file.read(length)
    header = _strict_json(head[8:].decode("utf-8"))
    metadata: Any = header.get("__metadata__") if isinstance(header, dict) else None
    _expect(
        isinstance(metadata, dict) and metadata.keys() == {KEY},
        f"it has no metadata named {KEY!r} alone",
    )
    _expect(isinstance(metadata[KEY], str), "its metadata is no text")
    record = _strict_json(metadata[KEY])
    digest = record.pop("sha256", None) if isinstance(record, dict) else None
    run = _read_record(record)
    V, dtype = len(run["vocab"]), run["config"].dtype
    expected = _tensor_header(V, dtype) | {"__metadata__": metadata}
    # As text, for 1, 1.0 and True are equal in Python.
    _expect(
        _canonical(header) == _canonical(expected),
        f"its tensors are not three of {V} x {V} {dtype} with nothing between them",
    )
    size = expected[TENSORS[-1]]["data_offsets"][1]
    _expect(rest == size, f"it holds {rest} bytes of tensors, and {size} belong there")

    # Piece by piece: as long as nothing vouches for the size, no memory of that size is asked for.
    pieces = iter(lambda: file.read(2**20), b"")
    _expect(digest == _digest(record, pieces), "its checksum is wrong: it was damaged or changed")
    file.seek(len(head))
    arrays: dict[str, Any] = safetensors.load(head + file.read(size))
    _check_arrays(arrays, run)
    return Checkpoint(**arrays, **run)


def _record(checkpoint: Checkpoint) -> dict[str, Any]:
    # All but the tensors, in types that JSON has.
    return {
        "format": VERSION,
        "step": checkpoint.step,
        "config": asdict(checkpoint.config),
        "vocab": "".join(checkpoint.vocab),
        "corpus": {"name": checkpoint.corpus_name, "sha256": checkpoint.corpus_sha256},
        "rng": checkpoint.rng_state,
        "evaluation_rng": checkpoint.evaluation_rng_state,
    }


def _read_record(record: Any) -> dict[str, Any]:
    # The inverse: arguments for Checkpoint. Refuses anything unexpected.
    _expect(
        isinstance(record, dict) and type(record.get("format")) is int, "it does not say its format"
    )
    version = record["format"]
    _expect(
        version == VERSION,
        f"it is in format {version} and only format {VERSION} is known here; "
        f"read it with {'a newer' if version > VERSION else 'another'} version of bigram",
    )
    known = {"format", "step", "config", "vocab", "corpus", "rng", "evaluation_rng"}
    _expect(record.keys() == known, "its metadata has other entries than it should")

    config = _config(record["config"])
    step = record["step"]
    _expect(
        type(step) is int and 0 <= step <= config.max_iters, "its step is not one of its schedule's"
    )
    vocab = record["vocab"]
    _expect(isinstance(vocab, str) and vocab != "", "its vocabulary is not a text")
    _expect(list(vocab) == sorted(set(vocab)), "its vocabulary is not distinct characters in order")
    _expect(
        not any("\ud800" <= ch <= "\udfff" for ch in vocab), "its vocabulary holds a lone surrogate"
    )
    corpus = record["corpus"]
    _expect(
        isinstance(corpus, dict)
        and corpus.keys() == {"name", "sha256"}
        and isinstance(corpus["name"], str)
        and isinstance(corpus["sha256"], str)
        and len(corpus["sha256"]) == 64
        and set(corpus["sha256"]) <= set("0123456789abcdef"),
        "its corpus has no name and sha256",
    )
    _expect(
        _is_generator_state(record["rng"]) and _is_generator_state(record["evaluation_rng"]),
        "it holds no states of two PCG64 generators",
    )
    return {
        "step": step,
        "config": config,
        "vocab": tuple(vocab),
        "corpus_name": corpus["name"],
        "corpus_sha256": corpus["sha256"],
        "rng_state": record["rng"],
        "evaluation_rng_state": record["evaluation_rng"],
    }


def _config(values: Any) -> Config:
    kinds = {field.name: field.type for field in fields(Config)}
    _expect(
        isinstance(values, dict)
        and values.keys() == kinds.keys()
        and all(_is_of(values[name], kind) for name, kind in kinds.items()),
        "its schedule does not have the settings it should",
    )
    return Config(**values | {"betas": tuple(values["betas"])})


def _is_of(value: Any, kind: Any) -> bool:
    # Whether a value out of JSON can stand where Config has this annotation.
    if kind == tuple[float, float]:
        return (
            isinstance(value, list)
            and len(value) == 2
            and all(_is_of(item, float) for item in value)
        )
    return isinstance(value, int | float if kind is float else kind) and not isinstance(value, bool)


def _is_generator_state(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("state"), dict):
        return False
    numbers = value["state"] | {name: item for name, item in value.items() if name != "state"}
    return (
        numbers.pop("bit_generator", None) == "PCG64"
        and value.keys() == {"bit_generator", "state", "has_uint32", "uinteger"}
        and value["state"].keys() == {"state", "inc"}
        and all(type(numbers[name]) is int for name in GENERATOR_LIMITS)
        and all(0 <= numbers[name] < limit for name, limit in GENERATOR_LIMITS.items())
        and numbers["inc"] % 2 == 1  # as in every generator of this kind
    )


def _tensor_header(V: int, dtype: str) -> dict[str, Any]:
    # safetensors' header of the three tensors, which follow each other without a gap.
    size = V * V * np.dtype(dtype).itemsize
    return {
        name: {"dtype": DTYPES[dtype], "shape": [V, V], "data_offsets": [i * size, (i + 1) * size]}
        for i, name in enumerate(TENSORS)
    }


def _check_header_length(length: int, rest: int) -> None:
    # JSON of a kilobyte can become a hundred in memory, and takes its time. So a header may be no
    # longer than the tensors call for: of V characters, each 14 bytes at most as JSON within JSON,
    # and of all else.
    limit = min(2**14 + 14 * math.isqrt(rest // 12), HEADER_LIMIT)
    _expect(
        length <= limit,
        f"its header of {length} bytes is over the limit of {limit} for {rest} of tensors",
    )


def _check_arrays(arrays: Mapping[str, Array], run: Mapping[str, Any]) -> None:
    V, dtype = len(run["vocab"]), run["config"].dtype
    for name, array in arrays.items():
        _expect(
            array.shape == (V, V),
            f"{name} has shape {array.shape} and its vocabulary {V} characters",
        )
        _expect(array.dtype == dtype, f"{name} is {array.dtype} in a run in {dtype}")
        _expect(bool(np.isfinite(array).all()), f"{name} holds values that are not finite")
    _expect(
        bool((arrays["exp_avg_sq"] >= 0).all()),
        "exp_avg_sq, a mean of squares, holds negative values",
    )


def _canonical(value: Any) -> str:
    # Equal values give equal text, in every version of Python.
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _strict_json(text: str) -> Any:
    # json.loads takes the last of two entries of one name, and NaN, without a word.
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        entries = dict(pairs)
        _expect(len(entries) == len(pairs), "its header holds an entry twice")
        return entries

    def no_number(word: str) -> NoReturn:
        raise CheckpointError(f"its header holds {word}, which is not a number")

    return json.loads(text, object_pairs_hook=unique, parse_constant=no_number)


def _digest(record: Mapping[str, Any], parts: Iterable[bytes]) -> str:
    # Of all that a state is: the record, then the tensors in the order of the file.
    digest = hashlib.sha256(_canonical(record).encode("ascii"))
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _open_without_waiting(path: str, flags: int) -> int:
    # Opening a FIFO that has no writer would block. Windows has neither.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise CheckpointError(otherwise)


def _short(error: Exception) -> str:
    # One line, because a hostile file may put anything into the message.
    line = " ".join(str(error).split()) or type(error).__name__
    return line if len(line) <= 300 else line[:300] + " ..."
