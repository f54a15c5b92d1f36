"""The least loss of any bigram table on a text, which may be spread over files, processes and
machines.

Counts add up: each file is counted by one process, and only the sums are exchanged. Files are
separate texts: the last character of one and the first of the next are no pair. There is no split:
all of a text counts.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bigram.runs.records import CorpusRecord, corpus_record
from common.errors import UserError
from common.pairs import conditional_entropy, count_pairs, count_text_pairs
from common.text.corpus import Corpus
from common.tokenizer import CharTokenizer

Counts = NDArray[np.int64]


class Shard(NamedTuple):
    """A file that one process has counted, as all processes learn of it."""

    record: CorpusRecord
    vocab: tuple[str, ...]


Found = list[Shard] | UserError  # of one process; or the reason why it cannot go on


@dataclass(frozen=True)
class Optimum:
    """The result of ``bigram optimum``."""

    shards: list[CorpusRecord]
    characters: int
    vocab_size: int
    pairs: int
    distinct_pairs: int
    optimum: float  # nats


def optimum(
    corpora: Iterable[Corpus],
    gather: Callable[[Found], list[Found]] = lambda mine: [mine],
    add: Callable[[Counts], Counts] = lambda counts: counts,
) -> Optimum:
    """The optimum of all the files of all processes. See ``count_shards``."""
    shards, tokenizer, counts = count_shards(corpora, gather, add)
    return Optimum(
        shards=[shard.record for shard in shards],
        characters=sum(shard.record.characters for shard in shards),
        vocab_size=tokenizer.vocab_size,
        pairs=int(counts.sum()),
        distinct_pairs=int(np.count_nonzero(counts)),
        optimum=conditional_entropy(counts),
    )


def count_corpus(corpus: Corpus) -> Counts:
    """C of the whole text: of both parts, and of the pair where it was split."""
    V = corpus.tokenizer.vocab_size
    parts = count_text_pairs(corpus.train, V) + count_text_pairs(corpus.val, V)
    return parts + count_pairs(corpus.train[-1:], corpus.val[:1], V)


def count_shards(
    corpora: Iterable[Corpus],
    gather: Callable[[Found], list[Found]],
    add: Callable[[Counts], Counts],
) -> tuple[list[Shard], CharTokenizer, Counts]:
    """All shards, the tokenizer of all their characters, and their pair counts, (V, V).
    ``corpora``: those of this process, maybe none, taken one at a time.

    One ``gather`` exchanges vocabularies and names first, because all processes need one order of
    the rows. It also exchanges errors, so that all processes end with the same one. Then ``add``
    sums the counts. Raises ``UserError`` for a text given twice, and every ``UserError`` of
    ``corpora`` in any process.
    """
    mine: list[Shard] = []
    tables: list[Counts] = []
    found: Found = mine
    try:
        for corpus in corpora:
            mine.append(Shard(corpus_record(corpus), corpus.tokenizer.vocab))
            tables.append(count_corpus(corpus))
    except UserError as error:
        found = error
    shards: list[Shard] = []
    for theirs in gather(found):
        if isinstance(theirs, UserError):
            raise theirs
        shards += theirs
    named: dict[str, str] = {}
    for record, _ in shards:
        if record.sha256 in named:
            twice = f"{named[record.sha256]} and {record.source}"
            raise UserError(f"{twice} are the same text; give each part of the corpus once")
        named[record.sha256] = record.source

    tokenizer = CharTokenizer(character for shard in shards for character in shard.vocab)
    counts = np.zeros((tokenizer.vocab_size, tokenizer.vocab_size), dtype=np.int64)
    for shard, table in zip(mine, tables, strict=True):
        rows = tokenizer.encode("".join(shard.vocab))  # this shard's ids among all
        counts[np.ix_(rows, rows)] += table
    return shards, tokenizer, add(counts)
