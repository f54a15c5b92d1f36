"""Where the text comes from, and its split: 90 % to train on, 10 % to validate.

A file of the reader's own, tiny Shakespeare, or, with no network to fetch that, the surrogate with
the same pair counts. Every corpus says which it is and gives a sha256, so that a figure can be
traced to its text.
"""

import codecs
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from common.errors import UserError
from common.surrogate import surrogate_tokens
from common.tokenizer import CharTokenizer

NAME = "tiny Shakespeare"
FILE = "tinyshakespeare.txt"
URL = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
DOWNLOAD_TIMEOUT = 3  # seconds to connect, and between two pieces of the answer


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


def load_corpus(path: str | os.PathLike[str] | None = None) -> Corpus:
    """The text at ``path``; without one tiny Shakespeare, from ``$BIGRAM_DATA_DIR``, else the cache,
    else a download; where none of these has it, the surrogate, with a notice that says why.

    Raises ``UserError`` for a file that cannot be read, is not UTF-8 or is too short to split, and
    for a ``tinyshakespeare.txt`` in ``$BIGRAM_DATA_DIR`` that is another text.
    """
    if path is not None:
        return read_corpus(Path(path))
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


def read_corpus(path: Path, name: str | None = None, source: str | None = None) -> Corpus:
    """A UTF-8 file as a corpus. A byte-order mark at the start is dropped, and ``\\r\\n`` and ``\\r``
    become ``\\n``, so that a text saved on Windows trains the same model."""
    try:
        if path.exists() and not path.is_file():
            raise UserError(f"{path} is not a regular file; give a UTF-8 text file")
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; give a readable UTF-8 text file") from error
    body = data.removeprefix(codecs.BOM_UTF8)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        at = len(data) - len(body) + error.start
        raise UserError(
            f"{path} is not UTF-8: byte 0x{data[at]:02x} at offset {at}; save it as UTF-8"
        ) from error
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    # The shorter part of eleven characters is two long: one pair, the least there is to learn from.
    if len(text) < 11:
        size = "is empty" if not text else f"has {len(text)} character{'s'[: len(text) > 1]}"
        raise UserError(f"{path} {size}; a corpus needs at least 11, for a pair in each part of the split")
    tokenizer = CharTokenizer(text)
    train, val = split(tokenizer.encode(text))
    sha256 = hashlib.sha256(data).hexdigest()
    return Corpus(name or path.name, source or str(path), sha256, tokenizer, train, val)


def surrogate_corpus(notice: str | None = None) -> Corpus:
    """The embedded corpus: see ``common/surrogate.py``."""
    tokenizer, train, val = surrogate_tokens()
    text = tokenizer.decode(np.concatenate([train, val]))
    sha256 = hashlib.sha256(text.encode("utf-8")).hexdigest()
    return Corpus(f"surrogate of {NAME}", "embedded pair counts", sha256, tokenizer, train, val, notice)


def split(
    tokens: NDArray[np.unsignedinteger],
) -> tuple[NDArray[np.unsignedinteger], NDArray[np.unsignedinteger]]:
    """The first 90 %, rounded down, and the rest, both views."""
    n = len(tokens) * 9 // 10
    return tokens[:n], tokens[n:]


def _download() -> Path:
    """The cached file, fetched first if it is not there; what fails its checksum never enters the cache."""
    import pooch

    pooch.get_logger().setLevel("ERROR")
    return Path(
        pooch.retrieve(
            URL,
            known_hash=f"sha256:{SHA256}",
            fname=FILE,
            path=pooch.os_cache("bigram"),
            downloader=pooch.HTTPDownloader(timeout=DOWNLOAD_TIMEOUT),
        )
    )
