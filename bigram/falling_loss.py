"""What wrong gradients do to the loss curve, which is next to nothing: ``python -m bigram.falling_loss``.

AdamW divides each gradient by its own running size, so it hardly notices a wrong scale, and even a
gradient that has lost most of its terms still points downhill. The published schedule is trained once with
the right gradient and once with each of some mistakes; beside the loss at the end stands how wrong the first
gradient was.
"""

from collections.abc import Iterator

import numpy as np

from bigram.mistakes import GRADIENTS, build
from bigram.tables import table_text
from common.batcher import Batcher
from common.config import Config
from common.corpus import surrogate_corpus
from common.pairs import count_text_pairs
from common.training import initial_table
from impl_numpy import pair_counts
from impl_numpy.adamw import AdamW

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
    for name in ["", *SHOWN]:
        gradient = build([by_name[name]]) if name else pair_counts.loss_and_gradient
        rng = np.random.default_rng(config.seed)
        W = initial_table(V, config.dtype, rng)
        batcher = Batcher(corpus.train, config.batch_size, config.block_size, rng)
        optimizer = AdamW(W, config.lr, config.betas, config.eps, config.weight_decay)
        error = 0.0
        for step in range(config.max_iters):
            batch = batcher.get_batch()
            dW = gradient(W, *batch)[1]
            if step == 0:
                right = pair_counts.loss_and_gradient(W, *batch)[1]
                error = float(np.linalg.norm(dW - right) / np.linalg.norm(right))
            optimizer.step(W, dW)
        yield [name or "right", f"{error:,.0%}", f"{pair_counts.loss_of_counts(W, split):.4f}"]


if __name__ == "__main__":
    print(table_text(HEADINGS, rows()))
