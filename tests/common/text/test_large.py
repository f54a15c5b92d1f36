"""Proves that a text too large for memory gives what it would give in memory: the same vocabulary,
tokens, split, batches and losses, or the same error, wherever a part of it ends; that its token
file is either whole or not there, and never trusted; and that memory stays bounded."""

import contextlib
import mmap
import os
import re
import stat
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from common import memory
from common.batcher import Batcher
from common.config import Config
from common.errors import UserError
from common.pairs import count_text_pairs
from common.text import corpus as corpus_module
from common.text import large
from common.text.corpus import Corpus, load_corpus
from common.text.large import open_tokens, write_tokens
from common.training import initial_table, train
from impl_numpy.trainer import NumpyTrainer
from tests.kit.terminal import at_terminal

# Characters of one to four bytes in UTF-8, all three line ends, each also next to another, and NUL.
TEXT = "\r\n\r\ra\0b\n\rÿ\u0800\ufeff\U0001f600\r\n\n\U0010ffff\r" * 5
DATA = b"\xef\xbb\xbf" + TEXT.encode("utf-8")


@contextlib.contextmanager
def in_parts_of(size: int) -> Iterator[None]:
    """Every file is a large one, and read in parts of so many bytes."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(corpus_module, "IN_MEMORY", -1)
        patched.setattr(large, "CHUNK", size)
        yield


def is_mapped(tokens: np.ndarray) -> bool:
    """Whether they lie in a file, and are an ordinary array otherwise."""
    base: object = tokens
    while isinstance(base, np.ndarray):
        base = base.base
    return type(tokens) is np.ndarray and isinstance(base, mmap.mmap)


def load(path: Path, size: int, on_progress: Callable = lambda doing, done, total: None) -> Corpus:
    """The corpus streamed."""
    with in_parts_of(size):
        corpus = load_corpus(path, on_progress)
    assert is_mapped(corpus.train)
    return corpus


def assert_same(ours: Corpus, theirs: Corpus) -> None:
    """Every field of the two, but for where their tokens are."""
    assert ours.tokenizer.vocab == theirs.tokenizer.vocab
    for name in ("name", "source", "sha256", "notice"):
        assert getattr(ours, name) == getattr(theirs, name)
    for name in ("train", "val"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), strict=True)


def outcome(load: Callable[[], Corpus]) -> Corpus | str:
    """The corpus, or the message of the error."""
    try:
        return load()
    except UserError as error:
        return str(error)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of token files that all tests share, as all runs do."""
    with pytest.MonkeyPatch.context() as patched:
        folder = tmp_path_factory.mktemp("bigram") / "not yet there"
        patched.setenv("BIGRAM_CACHE_DIR", str(folder))
        yield folder


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one test's own."""
    monkeypatch.setenv("BIGRAM_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_bytes(DATA)
    return path


# The same tokens as in memory.


@pytest.mark.parametrize("size", [*range(1, 12), len(DATA) - 1, len(DATA), len(DATA) + 1])
def test_a_part_may_end_inside_a_character_or_a_line_end(
    path: Path, own_cache: Path, size: int
) -> None:
    assert_same(load(path, size), load_corpus(path))


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzzed") / "text.txt"


PIECES = st.sampled_from(
    [b"\r", b"\n", b"\xef\xbb\xbf", b"\0", "é".encode(), "\u20ac".encode(), b"\xed\xa0\x80"]
)
BYTES = st.binary(max_size=4) | PIECES | st.text(max_size=6).map(lambda text: text.encode("utf-8"))


@given(
    data=st.lists(BYTES, max_size=25).map(b"".join),
    size=st.integers(1, 20),
    padding=st.sampled_from([b"", b"0123456789", b"\r\n" * 12]),
)
@example(data=b"\xf0\x9f\x98", size=1, padding=b"0123456789")  # ends inside a character
@example(data=b"\xef\xbb", size=1, padding=b"0123456789")  # and inside a byte-order mark
# two marks: the second is a character
@example(data=b"\xef\xbb\xbf\xef\xbb\xbf", size=2, padding=b"")
# the wrong byte is not the last one read
@example(data=b"\xe2\x82" + b"0" * 12, size=1, padding=b"")
def test_any_bytes_give_the_same_corpus_or_the_same_error(
    fuzzed: Path, data: bytes, size: int, padding: bytes
) -> None:
    fuzzed.write_bytes(padding + data)
    in_memory, streamed = outcome(lambda: load_corpus(fuzzed)), outcome(lambda: load(fuzzed, size))
    if isinstance(in_memory, str):
        assert streamed == in_memory
        assert "\n" not in in_memory
        return
    assert isinstance(streamed, Corpus), streamed
    assert_same(streamed, in_memory)
    text = (padding + data).decode("utf-8").removeprefix("\ufeff")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    assert in_memory.tokenizer.decode(np.concatenate([in_memory.train, in_memory.val])) == text


@pytest.mark.parametrize(
    ("vocab_size", "dtype"), [(256, "uint8"), (257, "uint16"), (65537, "uint32")]
)
def test_a_large_text_has_tokens_of_every_type(
    tmp_path: Path, vocab_size: int, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "memory", lambda: 10**12)
    path = tmp_path / "text.txt"
    path.write_text("".join(map(chr, range(0x10000, 0x10000 + vocab_size))), encoding="utf-8")
    corpus = load(path, 1000)
    assert corpus.train.dtype == dtype
    assert_same(corpus, load_corpus(path))


def test_a_large_text_gives_the_batches_and_losses_that_it_gives_in_memory(path: Path) -> None:
    def run(corpus: Corpus, config: Config) -> tuple[list, bytes]:
        rng = np.random.default_rng(config.seed)
        trainer = NumpyTrainer(
            initial_table(corpus.tokenizer.vocab_size, config.dtype, rng), config
        )
        return list(train(trainer, corpus, config, rng)), trainer.state().weight.tobytes()

    for eval_iters in (None, 3):
        config = Config(max_iters=20, eval_interval=5, block_size=4, eval_iters=eval_iters)
        assert run(load(path, 7), config) == run(load_corpus(path), config)


# The token file.


def token_files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.exists() else []


def refuse(*args: object) -> None:
    raise AssertionError("encoded again")


def test_a_token_file_is_written_once_and_found_by_its_content(
    path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load(path, 7)
    (file,) = token_files(own_cache)
    assert first.sha256 in file.name
    np.testing.assert_array_equal(  # to be read by anyone
        np.load(file, mmap_mode="r", allow_pickle=False),
        np.concatenate([first.train, first.val]),
        strict=True,
    )
    monkeypatch.setattr(large, "write_tokens", refuse)
    moved = path.rename(path.with_name("moved.txt"))
    np.testing.assert_array_equal(load(moved, 5).train, first.train)
    moved.write_bytes(DATA + b"more")
    with pytest.raises(AssertionError, match="encoded again"):
        load(moved, 5)


def damaged(whole: bytes) -> Iterator[bytes]:
    """All that is not the file: cut at any byte, any byte altered, longer, of another type, no such
    file."""
    for at in range(len(whole)):
        yield whole[:at]
        yield whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
    yield whole + b"\0"
    yield whole.replace(b"'|u1'", b"'|i1'")
    yield whole.replace(b"'|u1'", b"'|O8'")
    yield b"not a token file"


def test_a_token_file_that_was_changed_is_never_opened(
    path: Path, own_cache: Path, tmp_path: Path
) -> None:
    corpus = load(path, 7)
    (file,) = token_files(own_cache)
    whole, tested = file.read_bytes(), tmp_path / "tested"
    for data in damaged(whole):
        tested.write_bytes(data)
        assert open_tokens(tested, corpus.characters, np.dtype(np.uint8)) is None
    for length, dtype in [(corpus.characters + 1, np.uint8), (corpus.characters // 2, np.uint16)]:
        assert open_tokens(file, length, np.dtype(dtype)) is None
    tested.write_bytes(whole)
    assert open_tokens(tested, corpus.characters, np.dtype(np.uint8)) is not None


@pytest.mark.parametrize("at", [0, 50, 200, -1])
def test_a_damaged_token_file_is_written_again(path: Path, own_cache: Path, at: int) -> None:
    first = np.array(load(path, 7).train)
    (file,) = token_files(own_cache)
    whole = file.read_bytes()
    file.unlink()  # and not written over: it may be mapped
    file.write_bytes(whole[:at])
    np.testing.assert_array_equal(load(path, 7).train, first)
    assert [file.read_bytes() for file in token_files(own_cache)] == [whole]


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_bytes(DATA + b"a"),
        lambda path: os.truncate(path, 40),
        lambda path: os.truncate(path, 0),
        # the same characters
        lambda path: path.write_bytes(b"\xef\xbb\xbf" + TEXT[::-1].encode("utf-8")),
        lambda path: path.write_bytes(DATA.replace(b"a", b"X")),  # one that was not there
        lambda path: path.write_bytes(DATA.replace(b"a", b"\xff")),
    ],
    ids=["longer", "shorter", "empty", "reordered", "a new character", "no UTF-8"],
)
def test_a_text_that_changes_between_the_passes_is_refused(
    path: Path, own_cache: Path, change: Callable
) -> None:
    read = []

    def on_progress(doing: str, done: int, total: int) -> None:
        read.append((doing, done))
        if read == [("reading", len(DATA))] * 2:  # once for all of it, and once for its end
            change(path)

    with pytest.raises(
        UserError, match=r"text\.txt changed while it was read; try again"
    ) as raised:
        load(path, len(DATA) + 1, on_progress)
    assert "\n" not in str(raised.value)
    assert token_files(own_cache) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps the name of an open file")
def test_a_text_may_lose_its_name_between_the_passes(path: Path) -> None:
    in_memory = load_corpus(path)

    def on_progress(doing: str, done: int, total: int) -> None:
        if doing == "encoding":
            path.unlink(missing_ok=True)

    assert_same(load(path, 9, on_progress), in_memory)


@pytest.mark.parametrize(
    "interruption", [KeyboardInterrupt(), MemoryError(), OSError(5, "Input/output error")]
)
def test_an_interruption_leaves_no_token_file_half_written(
    path: Path, own_cache: Path, interruption: BaseException
) -> None:
    def on_progress(doing: str, done: int, total: int) -> None:
        if doing == "encoding" and done > 100:
            assert [file.suffix for file in token_files(own_cache)] == [".tmp"]
            raise interruption

    expected = UserError if isinstance(interruption, OSError) else type(interruption)
    with pytest.raises(expected) as raised:
        load(path, 7, on_progress)
    if expected is UserError:  # of the reading side: not told as if the cache could not be written
        assert re.fullmatch(
            r"cannot read .*text\.txt: Input/output error; give .*", str(raised.value)
        )
    assert token_files(own_cache) == []
    load(path, 7)


def test_what_a_killed_process_left_is_cleared_away(path: Path, own_cache: Path) -> None:
    own_cache.mkdir()
    left, new = own_cache / ".tokens-1-killed.npy.tmp", own_cache / ".tokens-1-alive.npy.tmp"
    for file in (left, new):
        file.write_bytes(b"half")
    long_ago = time.time() - large.ABANDONED - 60
    os.utime(left, (long_ago, long_ago))
    load(path, 7)
    assert not left.exists()
    assert new.exists()


def test_a_cache_that_cannot_be_written_is_one_line(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a file"
    folder.write_bytes(b"")
    monkeypatch.setenv("BIGRAM_CACHE_DIR", str(folder))
    with pytest.raises(
        UserError, match=r"cannot write .* to .*a file: .*; .* set BIGRAM_CACHE_DIR"
    ) as raised:
        load(path, 7)
    assert "\n" not in str(raised.value)


@pytest.mark.skipif(sys.platform == "win32", reason="no limits on files on Windows")
@pytest.mark.parametrize("room", [0, 100, 128, 1000, 70_000])
def test_a_full_disk_is_one_line_and_leaves_nothing(
    tmp_path: Path, own_cache: Path, room: int
) -> None:
    import resource

    path = tmp_path / "text.txt"
    path.write_bytes(b"0123456789\n" * 10_000)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        with pytest.raises(
            UserError, match=r"cannot write .* File too large; make room there or"
        ) as raised:
            load(path, 1 << 10)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "\n" not in str(raised.value)
    assert token_files(own_cache) == []
    load(path, 1 << 10)


def test_what_was_written_wrong_is_not_trained_on(
    path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose_the_end(number: int) -> None:
        if stat.S_ISREG(os.fstat(number).st_mode):
            os.ftruncate(number, 150)

    monkeypatch.setattr(os, "fsync", lose_the_end)
    with pytest.raises(UserError, match="was not stored as written"):
        load(path, 7)


# Bounded memory.


def test_a_batch_that_fits_in_no_memory_is_refused_before_it_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "memory", lambda: 24 * 1000)
    memory.check_batch_fits(Config(batch_size=10, block_size=100))  # just enough
    memory.check_batch_fits(Config(batch_size=2, block_size=100, eval_iters=5))
    for config in (
        Config(batch_size=10, block_size=101),
        Config(batch_size=1001, block_size=1),
        Config(batch_size=2, block_size=100, eval_iters=6),
    ):
        with pytest.raises(UserError, match=r"windows of .* take 24 bytes a token = 0\.0 GB"):
            memory.check_batch_fits(config)
    monkeypatch.setattr(memory, "memory", lambda: None)
    memory.check_batch_fits(Config(batch_size=10**12, block_size=10**12))


@pytest.mark.parametrize("stream", [False, True], ids=["in memory", "streamed"])
def test_a_table_that_fits_in_no_memory_is_refused_before_it_is_made(
    tmp_path: Path, own_cache: Path, stream: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "text.txt"
    path.write_text("".join(map(chr, range(0xE000, 0xE000 + 100_000))), encoding="utf-8")
    monkeypatch.setattr(memory, "memory", lambda: 320 * 10**9)
    memory.check_table_fits(100_000, path)  # just enough
    monkeypatch.setattr(memory, "memory", lambda: 16 * 10**9)
    tracemalloc.start()
    try:
        with pytest.raises(UserError) as raised:
            load(path, 1 << 16) if stream else load_corpus(path)
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()
    assert str(raised.value) == (
        f"{path} has 100,000 distinct characters: logits, gradient, moments and pair counts take "
        "32 bytes x 100,000 x 100,000 = 320.0 GB, and the memory is 16.0 GB; use a text with "
        "fewer distinct characters"
    )


def test_the_memory_is_the_machines_or_the_containers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "LIMITS", (tmp_path / "max", tmp_path / "limit"))
    machine = memory.memory()
    if machine is None:
        pytest.skip("this system does not say")
    assert 10**8 < machine < 10**15
    (tmp_path / "max").write_text("max\n", encoding="ascii")
    assert memory.memory() == machine
    (tmp_path / "limit").write_text("1000000\n", encoding="ascii")
    assert memory.memory() == 1_000_000
    monkeypatch.delattr(os, "sysconf")
    assert memory.memory() is None
    memory.check_table_fits(10**6, "a text")  # left to the system, which will say no


def own_memory() -> int:
    """Bytes of this process's memory that no file holds."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(r"RssAnon:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc here")
def test_a_mapped_text_takes_no_memory_of_the_process(tmp_path: Path) -> None:
    part = (np.arange(251 << 12) % 251).astype(np.uint8)
    expected = (tmp_path / "tokens.npy", 64 * len(part), part.dtype)
    room = 16 * len(part)  # a quarter of the text
    before = own_memory()
    write_tokens(*expected, iter([part] * 64))
    tokens = open_tokens(*expected)
    assert tokens is not None
    assert is_mapped(tokens)
    counts = count_text_pairs(tokens, 251)
    assert counts.sum() == len(tokens) - 1
    batcher = Batcher(tokens, 32, 8, np.random.default_rng(0))
    for _ in range(100):
        x, y = batcher.get_batch()
    assert ((x + 1) % 251 == y).all()
    assert own_memory() - before < room
    copy = np.array(tokens)
    assert own_memory() - before > room, "the test could not fail"
    assert len(copy) == len(tokens)
    with pytest.raises(ValueError, match="read-only"):
        tokens[0] = 1


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals on Windows")
def test_a_bar_with_the_speed_is_on_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(b"0123456789\n" * 20_000)
    program = (
        "import sys; from common.text import corpus, large; from bigram.cli import main\n"
        "corpus.IN_MEMORY, large.CHUNK = -1, 1000\n"
        "sys.exit(main(['train', '--backend', 'numpy', '--steps', '5', '--corpus', "
        f"{str(path)!r}]))"
    )
    process, written, printed = at_terminal([sys.executable, "-c", program], "stderr")
    bar = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.decode())
    assert process.returncode == 0
    assert printed.startswith(b"corpus    text.txt: 220,000 characters, V = 11\n")
    for doing in ("reading", "encoding"):
        assert re.search(rf"{doing} .*220\.0/220\.0 kB \S+ [kM]?B/s", bar), bar
