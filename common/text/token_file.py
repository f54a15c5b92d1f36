"""The tokens of a text too large for memory, in a file: written once, checked, and mapped.

A token file is an ordinary ``.npy``, which ``np.load(path, mmap_mode="r")`` reads, and behind the array the
CRC-32 of its bytes. It is not trusted: what is cut short, altered or of another shape is written again.
"""

import contextlib
import io
import mmap
import os
import tempfile
import time
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.errors import UserError

CHUNK = 1 << 20  # bytes read at a time
RESIDENT = 1 << 24  # bytes of a mapping that may be in memory before they are given back
AROUND = 1 << 17  # bytes that reading one token brings in: 64 KiB around it, or twice that over an edge
ABANDONED = 600  # seconds without a write, after which whoever wrote a ``.part`` file is taken for dead


class Mapping(mmap.mmap):
    """A file mapped to be read, of which only so much stays resident.

    Pages once touched would otherwise all count as the process's memory, up to the whole file.
    """

    _touched = 0

    def touch(self, nbytes: int) -> None:
        """Called before that much is read. Now and then gives back all that was read before: the pages
        stay in the system's cache, and come back without the disk as long as nobody needs the room."""
        if self._touched + nbytes > RESIDENT and hasattr(mmap, "MADV_DONTNEED"):
            self.madvise(mmap.MADV_DONTNEED)
            self._touched = 0
        self._touched += nbytes


class MappedTokens(np.ndarray):
    """Tokens in a ``Mapping``: an array like any other, read-only. What is taken from it slice by slice, or
    by an array of indices, such as the windows of a batch, is taken in bounded memory."""

    _mapping: Mapping | None

    def __array_finalize__(self, obj: Any) -> None:
        self._mapping = getattr(obj, "_mapping", None)  # a view touches the same pages

    def __getitem__(self, key: Any) -> Any:
        if self._mapping is None:
            return super().__getitem__(key)
        if not (isinstance(key, np.ndarray) and key.ndim and key.dtype.kind in "iu"):
            taken = super().__getitem__(key)
            self._mapping.touch(taken.nbytes)
            return taken
        # Neighbours in a row of the key, or of what it selects, are taken for neighbours in the file.
        tokens = self.view(np.ndarray)
        row = AROUND + (key[:1].size * tokens[:1].size) * self.itemsize
        rows = max(1, RESIDENT // row)
        parts = []
        for start in range(0, max(1, len(key)), rows):
            part = key[start : start + rows]
            self._mapping.touch(len(part) * row)
            parts.append(tokens[part])
        return np.concatenate(parts)


def _header(length: int, dtype: np.dtype) -> bytes:
    """What a ``.npy`` of ``(length,)`` starts with."""
    start = io.BytesIO()
    descr = np.lib.format.dtype_to_descr(dtype)
    np.lib.format.write_array_header_1_0(start, {"descr": descr, "fortran_order": False, "shape": (length,)})
    return start.getvalue()


def open_tokens(path: Path, length: int, dtype: np.dtype) -> NDArray[np.unsignedinteger] | None:
    """The ``(length,)`` tokens in ``path``, mapped; ``None`` unless they are there, all and unaltered."""
    header = _header(length, dtype)
    try:
        with io.FileIO(path) as file:
            if file.read(len(header)) != header:  # known to the byte, so that nothing damaged is ever parsed
                return None
            left, crc = length * dtype.itemsize, 0
            while left and (data := file.read(min(CHUNK, left))):
                left -= len(data)
                crc = zlib.crc32(data, crc)
            if left or file.read(5) != crc.to_bytes(4, "big"):
                return None
            mapping = Mapping(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError:
        return None
    tokens = np.frombuffer(mapping, dtype, length, len(header)).view(MappedTokens)
    tokens._mapping = mapping
    return tokens


def write_tokens(
    path: Path, length: int, dtype: np.dtype, parts: Iterable[NDArray[np.unsignedinteger]]
) -> None:
    """Writes ``(length,)`` tokens, given in ``parts``, to ``path``: all of them or, whatever happens, none.

    Raises ``UserError`` where they cannot be written, and whatever ``parts`` raises.
    """
    with _writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(path.parent)
        file = tempfile.NamedTemporaryFile(  # noqa: SIM115 - closed below, before it is renamed
            dir=path.parent, prefix="tokens-", suffix=".part", delete=False
        )
    try:
        with _writing(path.parent):
            file.write(_header(length, dtype))
        crc = 0
        for part in parts:
            crc = zlib.crc32(part.data, crc)
            with _writing(path.parent):
                file.write(part.data)
        with _writing(path.parent):
            file.write(crc.to_bytes(4, "big"))
            file.flush()
            os.fsync(file.fileno())
            file.close()
            os.replace(file.name, path)
    except BaseException:
        with contextlib.suppress(OSError):  # what is left in the buffer finds no more room than before
            file.close()
        os.unlink(file.name)
        raise


@contextlib.contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Says which folder it is that cannot be written."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"cannot write the tokens of the text to {folder}: {error.strerror}; make room there or set "
            "BIGRAM_CACHE_DIR to another folder"
        ) from error


def _remove_abandoned(folder: Path) -> None:
    """Clears away what a killed process left; one that lives writes many times a second."""
    for part in folder.glob("tokens-*.part"):
        with contextlib.suppress(OSError):
            if time.time() - part.stat().st_mtime > ABANDONED:
                part.unlink()
