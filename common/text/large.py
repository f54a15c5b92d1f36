"""A text of any size in bounded memory: read twice, once to know its characters and once to encode
it.

The tokens go to a ``.npy`` file in the cache, named by the sha256 of the text, and are mapped from
there. They are those of ``corpus.read_corpus``, which says how byte-order marks and line ends are
treated.
"""

import codecs
import contextlib
import hashlib
import io
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from common.errors import UserError
from common.files import TEMPORARY, replacing
from common.text.fast_tokenizer import FastTokenizer, alphabet

FORMAT = 1  # of the token files: raised when the same text would have to give other tokens
CHUNK = 1 << 20  # bytes read at a time
ABANDONED = 600  # seconds without a write after which a temporary file's process is taken for dead


class HashedFile:
    """A file read from its start and hashed; ``on_read`` is told how many bytes are read so far."""

    def __init__(self, file: io.RawIOBase, path: Path, on_read: Callable[[int], object]) -> None:
        """``path`` is for messages."""
        self.path = path
        self._file = file
        self._on_read = on_read
        self._sha256 = hashlib.sha256()
        self._done = 0

    def read(self) -> bytes:
        """At most the next ``CHUNK`` bytes; none at the end."""
        data = self._file.read(CHUNK) or b""
        self._sha256.update(data)
        self._done += len(data)
        self._on_read(self._done)
        return data

    def sha256(self) -> str:
        """Of all that was read so far."""
        return self._sha256.hexdigest()


class Survey(NamedTuple):
    """A text that was read once."""

    sha256: str  # of the file's bytes
    characters: int  # after the line ends have become one character each
    alphabet: str  # the distinct ones


def text_parts(file: HashedFile) -> Iterator[str]:
    """The text of a file, part by part. Raises ``UserError`` where it is not UTF-8."""
    utf8 = codecs.getincrementaldecoder("utf-8")()
    # waits for the character after a "\r"
    line_ends = io.IncrementalNewlineDecoder(None, translate=True)
    read = 0  # bytes
    at_start = True
    while True:
        # of the first byte not yet decoded, perhaps mid-character
        offset = read - len(utf8.getstate()[0])
        data = file.read()
        read += len(data)
        try:
            text = utf8.decode(data, final=not data)
        except UnicodeDecodeError as error:
            raise not_utf8(file.path, offset + error.start, error.object[error.start]) from error
        if at_start and text:
            text, at_start = text.removeprefix("\ufeff"), False
        if text := line_ends.decode(text, final=not data):
            yield text
        if not data:
            return


def not_utf8(path: Path, offset: int, byte: int) -> UserError:
    """The error for a text that is not UTF-8."""
    return UserError(f"{path} is not UTF-8: byte 0x{byte:02x} at offset {offset}; save it as UTF-8")


def not_readable(path: Path, error: OSError) -> UserError:
    """The error for a file that cannot be read."""
    return UserError(f"cannot read {path}: {error.strerror}; give a readable UTF-8 text file")


def survey(file: HashedFile) -> Survey:
    """Reads the text once. Raises ``UserError`` where it is not UTF-8."""
    characters = 0

    def counted() -> Iterator[str]:
        nonlocal characters
        for text in text_parts(file):
            characters += len(text)
            yield text

    found = alphabet(counted())
    return Survey(file.sha256(), characters, found)


def encoded(
    file: HashedFile, tokenizer: FastTokenizer, before: Survey
) -> Iterator[NDArray[np.unsignedinteger]]:
    """The tokens of the text, part by part. Raises ``UserError``, at the end at the latest, if it
    is no longer the one surveyed ``before``."""
    changed = UserError(
        f"{file.path} changed while it was read; try again when nothing writes to it"
    )
    try:
        for text in text_parts(file):
            yield tokenizer.encode(text)
    except OSError as error:
        raise not_readable(file.path, error) from error
    except UserError as error:  # no longer UTF-8, or a new character
        raise changed from error
    if file.sha256() != before.sha256:
        raise changed


def cached_tokens(
    file: HashedFile, tokenizer: FastTokenizer, before: Survey, folder: Path
) -> NDArray[np.unsignedinteger]:
    """The tokens of the text, mapped from ``folder``; encoded into it first unless they are there
    unaltered.

    Raises ``UserError`` if the text has changed, or the folder cannot be written.
    """
    path = folder / f"tokens-{FORMAT}-{before.sha256}.npy"
    expected = (path, before.characters, tokenizer.dtype)
    tokens = open_tokens(*expected)
    if tokens is None:
        write_tokens(*expected, encoded(file, tokenizer, before))
        tokens = open_tokens(*expected)
    if tokens is None:
        raise UserError(f"{path} was not stored as written; set BIGRAM_CACHE_DIR to another folder")
    return tokens


def open_tokens(path: Path, length: int, dtype: np.dtype) -> NDArray[np.unsignedinteger] | None:
    """The ``(length,)`` tokens in ``path``, mapped; ``None`` unless all are there, unaltered."""
    header = _header(length, dtype)
    try:
        with path.open("rb") as file:
            # known to the byte, so no damaged header is parsed
            if file.read(len(header)) != header:
                return None
            left, crc = length * dtype.itemsize, 0
            while left and (data := file.read(min(CHUNK, left))):
                left -= len(data)
                crc = zlib.crc32(data, crc)
            if left or file.read(5) != crc.to_bytes(4, "big"):
                return None
        return np.asarray(np.load(path, mmap_mode="r"))
    except OSError:
        return None


def write_tokens(
    path: Path, length: int, dtype: np.dtype, parts: Iterable[NDArray[np.unsignedinteger]]
) -> None:
    """Writes ``(length,)`` tokens, given in ``parts``, and behind them the CRC-32 of their bytes.

    Raises ``UserError`` where they cannot be written, and the errors of ``parts``.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for left_over in path.parent.glob(f".tokens-*{TEMPORARY}"):  # by a process that was killed
            with contextlib.suppress(OSError):
                if time.time() - left_over.stat().st_mtime > ABANDONED:
                    left_over.unlink()
        with replacing(path) as file:
            file.write(_header(length, dtype))
            crc = 0
            for part in parts:
                crc = zlib.crc32(part.data, crc)
                file.write(part.data)
            file.write(crc.to_bytes(4, "big"))
    except OSError as error:
        raise UserError(
            f"cannot write the tokens of the text to {path.parent}: {error.strerror}; make room "
            "there or set BIGRAM_CACHE_DIR to another folder"
        ) from error


def _header(length: int, dtype: np.dtype) -> bytes:
    # The start of a ``.npy`` file that holds (length,) tokens.
    start = io.BytesIO()
    descr = np.lib.format.dtype_to_descr(dtype)
    np.lib.format.write_array_header_1_0(
        start, {"descr": descr, "fortran_order": False, "shape": (length,)}
    )
    return start.getvalue()
