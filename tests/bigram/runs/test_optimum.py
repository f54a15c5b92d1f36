"""Proves that the optimum of a text in many files is that of all their pairs: counts add up
exactly, also where the files have different characters, and files that cannot be added are
refused."""

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bigram.runs.optimum import count_shards, optimum
from bigram.runs.report import optimum_report
from bigram.strict_json import plain
from common.errors import UserError
from common.pairs import conditional_entropy, count_pairs
from common.text.corpus import Corpus, read_corpus
from common.tokenizer import CharTokenizer
from tests.kit.command import bigram

# Not one character in common between the first and the last; and what stands where differs in all.
TEXTS = [
    "abracadabra, abracadabra",
    "To be, or not to be: that is the question.\n",
    "ΑΒΓ" * 5 + "Ω\n" * 3,
]


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    return [write(tmp_path / f"shard{i}.txt", text) for i, text in enumerate(TEXTS)]


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="")
    return path


def expected_counts(texts: list[str]) -> np.ndarray:
    """Pair by pair, with no arrays until the end."""
    vocab = sorted(set("".join(texts)))
    counts = np.zeros((len(vocab), len(vocab)), dtype=np.int64)
    for text in texts:
        for first, second in pairwise(text):
            counts[vocab.index(first), vocab.index(second)] += 1
    return counts


def counted(paths: list[Path]) -> tuple[CharTokenizer, np.ndarray]:
    shards, tokenizer, counts = count_shards(
        map(read_corpus, paths), lambda mine: [mine], lambda own: own
    )
    assert [shard.record.source for shard in shards] == [str(path) for path in paths]
    return tokenizer, counts


def test_counts_of_files_with_different_characters_add_up(paths: list[Path]) -> None:
    tokenizer, counts = counted(paths)
    assert tokenizer.vocab == tuple(sorted(set("".join(TEXTS))))
    np.testing.assert_array_equal(counts, expected_counts(TEXTS))
    np.testing.assert_array_equal(counted(paths[::-1])[1], counts)  # in any order


def test_one_file_is_counted_as_a_whole(surrogate: Corpus) -> None:
    record = optimum([surrogate])
    tokens = np.concatenate([surrogate.train, surrogate.val])
    counts = count_pairs(tokens[:-1], tokens[1:], 65)
    assert record.optimum == conditional_entropy(counts)
    assert record.pairs == record.characters - 1 == 1_115_393
    assert record.distinct_pairs == np.count_nonzero(counts)


def test_a_text_cut_in_two_lacks_the_one_pair_across_the_cut(tmp_path: Path) -> None:
    text = TEXTS[1]
    whole = write(tmp_path / "whole.txt", text)
    halves = [write(tmp_path / f"{i}.txt", half) for i, half in enumerate([text[:20], text[20:]])]
    tokenizer, all_pairs = counted([whole])
    _, without_one = counted(halves)
    missing = np.zeros_like(all_pairs)
    missing[tokenizer.stoi[text[19]], tokenizer.stoi[text[20]]] = 1
    np.testing.assert_array_equal(all_pairs - without_one, missing)


def test_processes_give_what_one_gives(paths: list[Path]) -> None:
    """The exchange played through by hand: two processes, of which one has no file."""
    said: list = []
    added: list = []

    def add(counts: NDArray) -> NDArray:
        added.append(counts)
        return counts

    def stop_here(mine: object) -> list:
        said.append(mine)
        raise InterruptedError

    for own in (paths, []):
        with pytest.raises(InterruptedError):
            count_shards(map(read_corpus, own), stop_here, lambda counts: counts)
    for own in (paths, []):
        count_shards(map(read_corpus, own), lambda mine: said, add)
    np.testing.assert_array_equal(sum(added), expected_counts(TEXTS))
    assert not added[1].any()


def test_what_is_wrong_in_one_process_is_said_in_all(paths: list[Path]) -> None:
    said: list = []

    def gather(mine: Any) -> list:
        said.append(mine)
        return [mine, UserError("elsewhere")]

    with pytest.raises(UserError, match="elsewhere"):
        optimum(map(read_corpus, paths), gather)

    def spoiled() -> Iterator[Corpus]:
        yield read_corpus(paths[0])
        raise UserError("here")

    with pytest.raises(UserError, match="here"):
        optimum(spoiled(), gather)
    assert isinstance(said[-1], UserError)  # the others hear of it


def test_a_text_given_twice_is_refused(paths: list[Path], tmp_path: Path) -> None:
    copy = write(tmp_path / "copy.txt", TEXTS[0])
    with pytest.raises(
        UserError, match=r"shard0.txt and .*copy.txt are the same text; give each part"
    ):
        optimum(map(read_corpus, [*paths, copy]))


def test_the_command_reports_and_prints_json(paths: list[Path]) -> None:
    names = [str(path) for path in paths]
    record = json.loads(bigram("optimum", "--corpus", *names, "--json").stdout)
    found = optimum(map(read_corpus, paths))
    assert record == plain(found)
    assert [shard["source"] for shard in record["shards"]] == names
    report = bigram("optimum", "--corpus", *names)
    assert report.returncode == 0
    assert report.stderr == ""
    lines = report.stdout.splitlines()
    assert lines == list(optimum_report(found))
    assert (
        lines[0]
        == f"corpus    3 texts, {len(''.join(TEXTS))} characters, V = {len(set(''.join(TEXTS)))}"
    )
    assert lines[-1].startswith(f"optimum   {conditional_entropy(expected_counts(TEXTS)):.7f} nats")
    missing = bigram("optimum", "--corpus", names[0], "missing.txt")
    assert missing.returncode == 2
    assert missing.stderr.startswith("bigram: cannot read missing.txt: No such file")
    assert len(missing.stderr.splitlines()) == 1
