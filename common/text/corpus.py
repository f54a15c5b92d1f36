"""Where the text comes from, and its split: 90 % to train on, 10 % to validate.

A file of the reader's own, tiny Shakespeare, or, with no network to fetch that, the surrogate with
the same pair counts. Every corpus says which it is and gives a sha256, so that a figure can be
traced to its text. A large file is never in memory as a whole: see ``common/text/large.py``.
"""

import codecs
import hashlib
import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from common.errors import UserError
from common.memory import check_table_fits
from common.text.fast_tokenizer import FastTokenizer, alphabet, pieces
from common.text.large import HashedFile, cached_tokens, not_readable, not_utf8, survey
from common.text.surrogate import surrogate_tokens
from common.tokenizer import CharTokenizer

NAME = "tiny Shakespeare"
FILE = "tinyshakespeare.txt"
URL = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
DOWNLOAD_TIMEOUT = 3  # seconds to connect, and between two pieces of the answer
IN_MEMORY = 1 << 26  # bytes: the largest file that is read as a whole

# Called with the name of a pass over a large file, the bytes done, and all its bytes.
OnProgress = Callable[[str, int, int], object]


@dataclass(frozen=True)
class Corpus:
    """A tokenized text and where it came from."""

    name: str
    source: str  # the path it was read from, or where else it comes from
    sha256: str  # of the file's bytes; for the surrogate, of its text in UTF-8
    tokenizer: CharTokenizer
    train: NDArray[np.unsignedinteger]  # (int(0.9 * n),)
    val: NDArray[np.unsignedinteger]  # the rest
    notice: str | None = None  # one line for the reader, where this is not the text they may expect

    @property
    def characters(self) -> int:
        return len(self.train) + len(self.val)


def load_corpus(
    path: str | os.PathLike[str] | None = None,
    on_progress: OnProgress = lambda doing, done, total: None,
) -> Corpus:
    """The text at ``path``; without one tiny Shakespeare, from ``$BIGRAM_DATA_DIR``, else the
    cache, else a download; where none of these has it, the surrogate, with a notice that says why.

    Raises ``UserError`` for a file that cannot be read, is not UTF-8, is too short to split or has
    more distinct characters than memory has room for, and for a ``tinyshakespeare.txt`` in
    ``$BIGRAM_DATA_DIR`` that is another text. ``on_progress``: told of every mebibyte of a large
    file.
    """
    if path is not None:
        return read_corpus(Path(path), on_progress=on_progress)
    folder = os.environ.get("BIGRAM_DATA_DIR")
    if folder and (provided := Path(folder) / FILE).exists():
        corpus = read_corpus(provided, NAME, "from $BIGRAM_DATA_DIR")
        if corpus.sha256 != SHA256:
            raise UserError(f"{provided} is not tiny Shakespeare; give another text with --corpus")
        return corpus
    try:
        return read_corpus(_download(), NAME, URL)
    except (OSError, ValueError) as error:
        return surrogate_corpus(
            notice=f"{NAME} could not be downloaded ({type(error).__name__}): using the embedded "
            "surrogate, which has exactly its pair counts"
        )


def read_corpus(
    path: Path,
    name: str | None = None,
    source: str | None = None,
    on_progress: OnProgress = lambda doing, done, total: None,
) -> Corpus:
    """A UTF-8 file as a corpus. A byte-order mark at the start is dropped, and ``\\r\\n`` and
    ``\\r`` become ``\\n``, so that a text saved on Windows trains the same model."""
    try:
        if path.exists() and not path.is_file():  # checked first: opening a FIFO blocks
            raise UserError(f"{path} is not a regular file; give a UTF-8 text file")
        if path.stat().st_size > IN_MEMORY:
            sha256, tokenizer, tokens = _streamed(path, on_progress)
        else:
            sha256, tokenizer, tokens = _in_memory(path)
    except OSError as error:
        raise not_readable(path, error) from error
    train, val = split(tokens)
    return Corpus(name or path.name, source or str(path), sha256, tokenizer, train, val)


# Both ways to read a text return its sha256, its tokenizer and its tokens, and are tested equal.
Text = tuple[str, FastTokenizer, NDArray[np.unsignedinteger]]


def _in_memory(path: Path) -> Text:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        data = file.read(size + 1)
    if len(data) > size:  # it grows, or is made while it is read, as in /proc
        raise UserError(f"{path} is longer than its size says; try again when nothing writes to it")
    body = data.removeprefix(codecs.BOM_UTF8)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        at = len(data) - len(body) + error.start
        raise not_utf8(path, at, data[at]) from error
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    tokenizer = _tokenizer(path, len(text), alphabet(pieces(text)))
    return hashlib.sha256(data).hexdigest(), tokenizer, tokenizer.encode(text)


def _streamed(path: Path, on_progress: OnProgress) -> Text:
    # One handle for both passes: it is the same file even if its name is removed meanwhile.
    with io.FileIO(path) as file:
        size = os.fstat(file.fileno()).st_size
        found = survey(HashedFile(file, path, lambda done: on_progress("reading", done, size)))
        tokenizer = _tokenizer(path, found.characters, found.alphabet)
        file.seek(0)
        again = HashedFile(file, path, lambda done: on_progress("encoding", done, size))
        return found.sha256, tokenizer, cached_tokens(again, tokenizer, found, cache_folder())


def _tokenizer(path: Path, length: int, characters: str) -> FastTokenizer:
    """The vocabulary of a text that may be trained on."""
    # Of eleven characters the shorter part has two: one pair, the least that can be learned from.
    if length < 11:
        size = "is empty" if not length else f"has {length} character{'s'[: length > 1]}"
        raise UserError(
            f"{path} {size}; a corpus needs at least 11, for a pair in each part of the split"
        )
    check_table_fits(len(characters), path)
    return FastTokenizer(characters)


def surrogate_corpus(notice: str | None = None) -> Corpus:
    """The embedded corpus: see ``common/text/surrogate.py``."""
    tokenizer, train, val = surrogate_tokens()
    text = tokenizer.decode(np.concatenate([train, val]))
    sha256 = hashlib.sha256(text.encode("utf-8")).hexdigest()
    return Corpus(
        f"surrogate of {NAME}", "embedded pair counts", sha256, tokenizer, train, val, notice
    )


def split(
    tokens: NDArray[np.unsignedinteger],
) -> tuple[NDArray[np.unsignedinteger], NDArray[np.unsignedinteger]]:
    """The first 90 %, rounded down, and the rest, both views."""
    n = len(tokens) * 9 // 10
    return tokens[:n], tokens[n:]


def cache_folder() -> Path:
    """Where the download and the tokens of large texts are kept: ``$BIGRAM_CACHE_DIR``, else the
    system's folder for caches."""
    import pooch

    return Path(os.environ.get("BIGRAM_CACHE_DIR") or pooch.os_cache("bigram"))


def _download() -> Path:
    """The cached file, fetched first if it is not there; a file that fails its checksum
    never enters the cache."""
    import pooch

    pooch.get_logger().setLevel("ERROR")
    return Path(
        pooch.retrieve(
            URL,
            known_hash=f"sha256:{SHA256}",
            fname=FILE,
            path=cache_folder(),
            downloader=pooch.HTTPDownloader(timeout=DOWNLOAD_TIMEOUT),
        )
    )
