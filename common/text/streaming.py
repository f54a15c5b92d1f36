"""A text of any size in bounded memory: read twice, once to know its characters and once to encode it.

The tokens go to a file in the cache, found again by the sha256 of the text: see
``common/text/token_file.py``.
They are those of ``corpus.read_corpus``, which says what becomes of byte-order marks and line ends.
"""

import codecs
import hashlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from common.errors import UserError
from common.text.fast_tokenizer import FastTokenizer, alphabet
from common.text.token_file import CHUNK, open_tokens, write_tokens

FORMAT = 1  # of the token files: raised when the same text would have to give other tokens


class Readable(Protocol):
    """A binary file, as far as it is needed here."""

    def read(self, size: int, /) -> bytes | None:
        """At most ``size`` bytes; none at the end."""


class HashedFile:
    """A file read from its start: what was read so far is hashed, and ``on_read`` is told how much it is."""

    def __init__(
        self, file: Readable, path: Path, on_read: Callable[[int], object] = lambda done: None
    ) -> None:
        """``path`` is for messages."""
        self.path = path
        self._file = file
        self._on_read = on_read
        self._sha256 = hashlib.sha256()
        self._done = 0  # bytes

    def read(self) -> bytes:
        """The next ``CHUNK`` bytes, fewer at the end and sometimes before, none behind it."""
        data = self._file.read(CHUNK) or b""
        self._sha256.update(data)
        self._done += len(data)
        self._on_read(self._done)
        return data

    def sha256(self) -> str:
        """Of all that was read so far."""
        return self._sha256.hexdigest()


class Survey(NamedTuple):
    """What is known of a text that was read once."""

    sha256: str  # of the file's bytes
    characters: int  # after the line ends have become one character each
    alphabet: str  # the distinct ones


def text_parts(file: HashedFile) -> Iterator[str]:
    """The text of a file, part by part. Raises ``UserError`` where it is not UTF-8."""
    utf8 = codecs.getincrementaldecoder("utf-8")()
    line_ends = io.IncrementalNewlineDecoder(None, translate=True)  # keeps a "\r" back for what follows it
    read = 0  # bytes
    at_start = True
    while True:
        offset = read - len(utf8.getstate()[0])  # of what is decoded next: a part may end inside a character
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
    """The error to raise for a text that is not UTF-8."""
    return UserError(f"{path} is not UTF-8: byte 0x{byte:02x} at offset {offset}; save it as UTF-8")


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
    """The tokens of the text, part by part. Raises ``UserError``, at the end at the latest, if it is no
    longer the one surveyed ``before``."""
    changed = UserError(f"{file.path} changed while it was read; try again when nothing writes to it")
    try:
        for text in text_parts(file):
            yield tokenizer.encode(text)
    except UserError as error:  # no UTF-8 any more, or a character that was not there
        raise changed from error
    if file.sha256() != before.sha256:
        raise changed


def cached_tokens(
    file: HashedFile, tokenizer: FastTokenizer, before: Survey, folder: Path
) -> NDArray[np.unsignedinteger]:
    """The tokens of the text, mapped from ``folder``; encoded into it first if they are not there, or not
    as they were written.

    Raises ``UserError`` if the text has changed, or the folder cannot be written.
    """
    path = folder / f"tokens-{FORMAT}-{before.sha256}.npy"
    expected = (path, before.characters, tokenizer.dtype)
    tokens = open_tokens(*expected)
    if tokens is None:
        write_tokens(*expected, encoded(file, tokenizer, before))
        tokens = open_tokens(*expected)
    if tokens is None:
        raise UserError(
            f"{path} does not hold what was written there; set BIGRAM_CACHE_DIR to another folder"
        )
    return tokens
