"""Counts the pairs of tiny Shakespeare and writes the table that ``common/text/surrogate.py``
reads:

python -m tests.kit.surrogate_counts tinyshakespeare.txt
"""

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.pairs import count_text_pairs
from common.text.corpus import Corpus, load_corpus
from common.text.surrogate import COUNTS


def surrogate_counts(corpus: Corpus) -> dict[str, NDArray[Any]]:
    """``vocab``, and for each part its pair counts (V, V) and its first id, in the smallest
    types."""
    table: dict[str, NDArray[Any]] = {"vocab": np.array("".join(corpus.tokenizer.vocab))}
    for name, part in (("train", corpus.train), ("val", corpus.val)):
        counts = count_text_pairs(part, corpus.tokenizer.vocab_size)
        table[name] = counts.astype(np.min_scalar_type(counts.max()))
        table[f"{name}_first"] = part[0]
    return table


if __name__ == "__main__":
    np.savez_compressed(COUNTS, allow_pickle=False, **surrogate_counts(load_corpus(sys.argv[1])))
