"""Proves what becomes of every kind of file, and in which order tiny Shakespeare is looked for."""

import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from common import corpus as corpus_module
from common.corpus import SHA256, Corpus, load_corpus, split
from common.errors import UserError
from common.pairs import conditional_entropy, count_pairs

TEXT = "To be, or not to be:\nthat is the question.\n"


def test_the_split_is_nine_to_one(corpus: Corpus) -> None:
    assert (len(corpus.train), len(corpus.val)) == (1_003_854, 111_540)
    assert corpus.characters == 1_115_394
    assert corpus.tokenizer.vocab_size == 65
    assert corpus.train.dtype == np.uint8


def test_the_optimum_is_the_known_one(corpus: Corpus) -> None:
    counts = count_pairs(corpus.train[:-1], corpus.train[1:], 65)
    assert conditional_entropy(counts) == pytest.approx(2.4519134236, abs=1e-10)


@pytest.mark.parametrize("n", [*range(40), 1_115_394])
def test_the_split_loses_nothing(n: int) -> None:
    train, val = split(np.arange(n))
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
def test_marks_and_line_ends_of_other_systems_give_the_same_tokens(tmp_path: Path, data: bytes) -> None:
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
        (b"0123456789\xed\xa0\x80abc", "byte 0xed at offset 10"),  # a surrogate, which UTF-8 may not hold
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


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot read .*No such file"):
        load_corpus(tmp_path / "missing.txt")
    with pytest.raises(UserError, match="not a regular file"):
        load_corpus(tmp_path)


class Source:
    """tiny Shakespeare's place on the web, played by this machine."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
        self.body = b""
        self.requests = 0
        source = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                source.requests += 1
                self.send_response(200)
                self.end_headers()
                self.wfile.write(source.body)

            def log_message(self, *args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        monkeypatch.setattr(corpus_module, "URL", f"http://127.0.0.1:{self.server.server_port}/input.txt")
        monkeypatch.setattr("pooch.os_cache", lambda name: cache)
        monkeypatch.delenv("BIGRAM_DATA_DIR", raising=False)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Source]:
    source = Source(monkeypatch, tmp_path / "cache")
    yield source
    source.close()


def test_it_is_downloaded_once(source: Source, shakespeare: Corpus, tmp_path: Path) -> None:
    tokens = np.concatenate([shakespeare.train, shakespeare.val])
    source.body = shakespeare.tokenizer.decode(tokens).encode()
    for _ in range(2):
        corpus = load_corpus()
        assert (corpus.name, corpus.sha256, corpus.notice) == ("tiny Shakespeare", SHA256, None)
    assert source.requests == 1


@pytest.mark.parametrize("body", [b"", b"<html>Not today</html>"])
def test_a_wrong_download_never_enters_the_cache(source: Source, tmp_path: Path, body: bytes) -> None:
    source.body = body
    corpus = load_corpus()
    assert corpus.name == "surrogate of tiny Shakespeare"
    assert source.requests == 1
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_without_a_network_the_surrogate_stands_in_and_says_so(source: Source) -> None:
    source.close()
    corpus = load_corpus()
    assert corpus.name == "surrogate of tiny Shakespeare"
    assert corpus.source == "embedded pair counts"
    assert corpus.notice is not None
    assert "could not be downloaded (ConnectionError)" in corpus.notice
    assert "\n" not in corpus.notice


def test_the_data_folder_comes_first(
    source: Source, shakespeare: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "tinyshakespeare.txt"
    tokens = np.concatenate([shakespeare.train, shakespeare.val])
    path.write_bytes(shakespeare.tokenizer.decode(tokens).encode())
    monkeypatch.setenv("BIGRAM_DATA_DIR", str(tmp_path))
    assert load_corpus().sha256 == SHA256
    path.write_bytes(TEXT.encode())
    with pytest.raises(UserError, match="is not tiny Shakespeare; give another text with --corpus"):
        load_corpus()
    assert source.requests == 0
