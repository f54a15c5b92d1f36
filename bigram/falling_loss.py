"""What wrong gradients do to the loss curve, which is next to nothing: ``python -m bigram.falling_loss``.

AdamW divides each gradient by its own running size, so it hardly notices a wrong scale, and even a
gradient that has lost most of its terms still points downhill. The published schedule is trained once with
the right gradient and once with each of some mistakes; beside the loss at the end stands how wrong the first
gradient was.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bigram.mistakes import GRADIENTS, build_without_loss
from bigram.tables import table_text
from common.batcher import Batcher
from common.config import Config
from common.corpus import surrogate_corpus
from common.pairs import count_text_pairs
from common.training import initial_table
from impl_numpy import pair_counts
from impl_numpy.adamw import AdamW

Ids = NDArray[np.integer]

SHOWN = [
    "sum instead of mean",
    "off by a factor of V",
    "log base 2",
    "averaged over repeated ids",
    "repeated ids lost",
]


HEADINGS = ["", "error of the gradient", "training loss at the end"]


def rows() -> Iterator[list[str]]:
    """For the right gradient and each of ``SHOWN``: its name, |wrong - right| / |right| in the Euclidean
    norm at the first step, and the exact training loss after the last."""
    config, corpus = Config(), surrogate_corpus()
    V = corpus.tokenizer.vocab_size
    split = count_text_pairs(corpus.train, V)
    by_name = {mistake.name: mistake for mistake in GRADIENTS}
    rng = np.random.default_rng(config.seed)
    table = initial_table(V, config.dtype, rng)
    batcher = Batcher(corpus.train, config.batch_size, config.block_size, rng)
    batches = [batcher.get_batch() for _ in range(config.max_iters)]  # the same for all: drawn once
    right = right_gradient(table, *batches[0])
    for name in ["", *SHOWN]:
        gradient = build_without_loss([by_name[name]]) if name else right_gradient
        W, error = table.copy(), 0.0
        optimizer = AdamW(W, config.lr, config.betas, config.eps, config.weight_decay)
        for step, batch in enumerate(batches):
            dW = gradient(W, *batch)
            if step == 0:
                error = float(np.linalg.norm(dW - right) / np.linalg.norm(right))
            optimizer.step(W, dW)
        yield [name or "right", f"{error:,.0%}", f"{pair_counts.loss_of_counts(W, split):.4f}"]


def right_gradient(W: NDArray[np.floating], idx: Ids, targets: Ids) -> NDArray[np.floating]:
    """dW of a batch, as it should be."""
    return pair_counts.loss_and_gradient(W, idx, targets)[1]


if __name__ == "__main__":
    print(table_text(HEADINGS, rows()))
