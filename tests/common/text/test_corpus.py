"""Proves that each kind of text file is read exactly or refused in one line, that tiny Shakespeare
is looked for in the documented order, and that no other text is ever taken for it."""

import hashlib
import http.server
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from common.errors import UserError
from common.pairs import conditional_entropy, count_text_pairs
from common.text import corpus as corpus_module
from common.text.corpus import SHA256, Corpus, load_corpus, split
from tests.kit import HANG

TEXT = "To be, or not to be:\nthat is the question.\n"


def test_the_split_is_nine_to_one(corpus: Corpus) -> None:
    assert (len(corpus.train), len(corpus.val)) == (1_003_854, 111_540)
    assert corpus.characters == 1_115_394
    assert corpus.tokenizer.vocab_size == 65
    assert corpus.train.dtype == np.uint8


def test_the_optimum_is_the_known_one(corpus: Corpus) -> None:
    counts = count_text_pairs(corpus.train, 65)
    assert conditional_entropy(counts) == pytest.approx(2.4519134236, abs=1e-10)


@pytest.mark.parametrize("n", [*range(40), 1_115_394])
def test_the_split_loses_nothing(n: int) -> None:
    train, val = split(np.arange(n, dtype=np.uint32))
    assert np.concatenate([train, val]).tolist() == list(range(n))
    assert len(train) == int(0.9 * n)


def test_a_file_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "hamlet.txt"
    path.write_bytes(TEXT.encode())
    corpus = load_corpus(path)
    assert corpus.tokenizer.decode(np.concatenate([corpus.train, corpus.val])) == TEXT
    assert (corpus.name, corpus.source) == ("hamlet.txt", str(path))
    assert corpus.sha256 == hashlib.sha256(TEXT.encode()).hexdigest()
    assert corpus.notice is None


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + TEXT.encode(),  # a byte-order mark
        TEXT.replace("\n", "\r\n").encode(),  # Windows
        TEXT.replace("\n", "\r").encode(),  # old Macintosh
    ],
)
def test_marks_and_line_ends_of_other_systems_give_the_same_tokens(
    tmp_path: Path, data: bytes
) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(data)
    corpus = load_corpus(path)
    assert corpus.tokenizer.decode(np.concatenate([corpus.train, corpus.val])) == TEXT
    assert corpus.sha256 == hashlib.sha256(data).hexdigest()


def test_a_byte_order_mark_inside_the_text_is_a_character(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes("twelve\ufeff chars".encode())
    assert "\ufeff" in load_corpus(path).tokenizer.vocab


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", "is empty; a corpus needs at least 11"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"x", "has 1 character; a corpus needs at least 11"),
        (b"0123456789", "has 10 characters; a corpus needs at least 11"),
        (b"0123456789\xffabc", "not UTF-8: byte 0xff at offset 10; save it as UTF-8"),
        (b"\xef\xbb\xbf0123456789\xffabc", "byte 0xff at offset 13"),
        (TEXT.encode("utf-16"), "byte 0xff at offset 0"),
        # a surrogate, which UTF-8 may not hold
        (b"0123456789\xed\xa0\x80abc", "byte 0xed at offset 10"),
        (b"0123456789\xed\xa0\xbd\xed\xb8\x80", "byte 0xed at offset 10"),  # a pair of them: CESU-8
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "byte 0x89 at offset 0"),
        (b"0123456789\xc0\x80", "byte 0xc0 at offset 10"),  # NUL in two bytes
        (b"0123456789\xf4\x90\x80\x80", "byte 0xf4 at offset 10"),  # beyond the last code point
        (b"0123456789\xe2\x82", "byte 0xe2 at offset 10"),  # cut inside a character
        (b"\r\n" * 10, "has 10 characters"),
    ],
)
def test_a_file_that_cannot_be_a_corpus_is_refused_in_one_line(
    tmp_path: Path, data: bytes, error: str
) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(data)
    with pytest.raises(UserError, match=error) as raised:
        load_corpus(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_eleven_characters_are_enough(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(b"aaaaaaaaaaa")
    corpus = load_corpus(path)
    assert (len(corpus.train), len(corpus.val), corpus.tokenizer.vocab_size) == (9, 2, 1)


@pytest.mark.parametrize("data", [b"a" * 11, b"\0" * 11, b"\r\n" * 11, "\U0010ffff".encode() * 11])
def test_one_character_again_and_again_is_a_text_without_surprise(
    tmp_path: Path, data: bytes
) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(data)
    corpus = load_corpus(path)
    assert corpus.tokenizer.vocab_size == 1
    assert conditional_entropy(count_text_pairs(corpus.train, 1)) == 0


def test_nul_is_a_character(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(b"nul\0nul\0nul\0")
    assert load_corpus(path).tokenizer.vocab == ("\0", "l", "n", "u")


def test_a_text_that_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot read .*No such file"):
        load_corpus(tmp_path / "missing.txt")
    with pytest.raises(UserError, match="not a regular file"):
        load_corpus(tmp_path)
    with pytest.raises(UserError, match=r"cannot read .*[Nn]ame"):
        load_corpus(tmp_path / ("long" * 1000))
    (tmp_path / "loop.txt").symlink_to("loop.txt")
    with pytest.raises(UserError, match=r"cannot read .*[Ss]ymbolic links"):
        load_corpus(tmp_path / "loop.txt")


@pytest.mark.skipif(
    not Path("/proc/self/pagemap").exists(), reason="no files here that are made while read"
)
def test_a_file_longer_than_its_size_is_read_no_further() -> None:
    path = Path("/proc/self/pagemap")  # of all addresses there could be: hundreds of gigabytes
    assert path.stat().st_size == 0
    with pytest.raises(
        UserError, match="is longer than its size says; try again when nothing writes to it"
    ):
        load_corpus(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_given_as_a_text_does_not_block(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.txt"
    os.mkfifo(pipe)
    # In a separate process, which can be ended if it does wait.
    program = f"from common.text.corpus import load_corpus; load_corpus({str(pipe)!r})"
    result = subprocess.run(
        [sys.executable, "-c", program], stderr=subprocess.PIPE, text=True, timeout=HANG
    )
    assert "pipe.txt is not a regular file; give a UTF-8 text file" in result.stderr
    with pytest.raises(UserError, match="not a regular file"):
        load_corpus("/dev/null")


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is forbidden to root"
)
def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(TEXT.encode())
    path.chmod(0)
    with pytest.raises(UserError, match=r"cannot read .*Permission denied"):
        load_corpus(path)


class Source:
    """tiny Shakespeare's place on the web, played by this machine."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
        self.body = b""
        self.answer: Callable[[http.server.BaseHTTPRequestHandler], object] = self.whole
        self.requests = 0
        self.closed = threading.Event()
        source = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                source.requests += 1
                source.answer(self)

            def log_message(self, *args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setattr(
            corpus_module, "URL", f"http://127.0.0.1:{self.server.server_port}/input.txt"
        )
        monkeypatch.setattr("pooch.os_cache", lambda name: cache)
        monkeypatch.delenv("BIGRAM_CACHE_DIR", raising=False)
        monkeypatch.delenv("BIGRAM_DATA_DIR", raising=False)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def whole(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(self.body)

    def cut_off(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(self.body)))
        handler.end_headers()
        handler.wfile.write(self.body[:1000])

    def silent(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        self.cut_off(handler)
        handler.wfile.flush()
        self.closed.wait(HANG)

    def altered(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(self.body[:-1] + b"!")

    def redirected(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        if handler.path == "/login.html":
            handler.send_response(200)
            handler.end_headers()
            handler.wfile.write(b"<html>Please log in to use this network</html>")
        else:
            handler.send_response(302)
            handler.send_header("Location", "/login.html")
            handler.end_headers()

    def around_and_around(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", handler.path)
        handler.end_headers()

    def missing(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_error(404)

    def broken(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_error(500)

    def no_http(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"SSH-2.0\r\n")

    def close(self) -> None:
        self.closed.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Source]:
    source = Source(monkeypatch, tmp_path / "cache")
    yield source
    source.close()


@pytest.fixture
def text(shakespeare: Corpus) -> bytes:
    return shakespeare.tokenizer.decode(
        np.concatenate([shakespeare.train, shakespeare.val])
    ).encode()


def test_tiny_shakespeare_is_downloaded_once(source: Source, text: bytes) -> None:
    source.body = text
    for _ in range(2):
        corpus = load_corpus()
        assert (corpus.name, corpus.sha256, corpus.notice) == ("tiny Shakespeare", SHA256, None)
    assert source.requests == 1


WRONG = {
    "cut_off": "ConnectionError|ChunkedEncodingError",
    "silent": "ConnectionError|ReadTimeout",
    "altered": "ValueError",
    "redirected": "ValueError",
    "around_and_around": "TooManyRedirects",
    "missing": "HTTPError",
    "broken": "HTTPError",
    "no_http": "ConnectionError",
    "whole": "ValueError",  # of nothing
}


@pytest.mark.parametrize(("answer", "error"), WRONG.items(), ids=list(WRONG))
@pytest.mark.parametrize(
    "cached", [None, b"", b"once upon a time"], ids=["empty", "cut off", "corrupt"]
)
def test_a_wrong_download_never_enters_the_cache(
    source: Source,
    surrogate: Corpus,
    tmp_path: Path,
    answer: str,
    error: str,
    cached: bytes | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        corpus_module, "surrogate_corpus", lambda notice: replace(surrogate, notice=notice)
    )
    monkeypatch.setattr(corpus_module, "DOWNLOAD_TIMEOUT", 0.2 if answer == "silent" else HANG)
    source.answer = getattr(source, answer)
    source.body = b"" if answer == "whole" else b"0123456789" * 1000
    file = tmp_path / "cache" / corpus_module.FILE
    if cached is not None:  # what is there is no better
        file.parent.mkdir()
        file.write_bytes(cached)
    corpus = load_corpus()
    assert corpus.name == "surrogate of tiny Shakespeare"
    assert corpus.notice is not None
    assert re.search(
        rf"could not be downloaded \(({error})\): using the embedded surrogate", corpus.notice
    )
    assert "\n" not in corpus.notice
    assert source.requests >= 1
    left = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert left == ({} if cached is None else {file: cached})


def test_a_corrupt_file_in_the_cache_is_fetched_again(
    source: Source, text: bytes, tmp_path: Path
) -> None:
    source.body = text
    file = tmp_path / "cache" / corpus_module.FILE
    file.parent.mkdir()
    file.write_bytes(text[:-1] + b"!")
    assert (load_corpus().sha256, source.requests) == (SHA256, 1)
    assert file.read_bytes() == text


def test_the_cache_may_be_elsewhere(
    source: Source, text: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.body = text
    monkeypatch.setenv("BIGRAM_CACHE_DIR", str(tmp_path / "elsewhere"))
    load_corpus()
    assert [path.parent.name for path in tmp_path.rglob("*.txt")] == ["elsewhere"]


def test_without_a_network_the_surrogate_stands_in_and_says_so(source: Source) -> None:
    source.close()
    corpus = load_corpus()
    assert corpus.name == "surrogate of tiny Shakespeare"
    assert corpus.source == "embedded pair counts"
    assert corpus.notice is not None
    assert "could not be downloaded (ConnectionError)" in corpus.notice
    assert "\n" not in corpus.notice


def test_the_data_folder_comes_first(
    source: Source, text: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "tinyshakespeare.txt"
    path.write_bytes(text)
    monkeypatch.setenv("BIGRAM_DATA_DIR", str(tmp_path))
    assert load_corpus().sha256 == SHA256
    path.write_bytes(TEXT.encode())
    with pytest.raises(UserError, match="is not tiny Shakespeare; give another text with --corpus"):
        load_corpus()
    assert source.requests == 0
