"""The bigram language model: a table of logits, looked up by the last character.

Beside it: ``impl_torch/model.py``, the same class with the same names on ``nn.Module``.
"""

import numpy as np
from numpy.typing import DTypeLike

from common.arrays import Array, Ids
from common.errors import UserError
from common.pairs import check_ids, check_pairs
from impl_numpy import pair_counts
from impl_numpy.cross_entropy import cross_entropy


class BigramLanguageModel:
    """Row i of ``token_embedding_table`` holds the logits of what follows character
    i."""

    def __init__(
        self,
        vocab_size: int,
        rng: np.random.Generator | None = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        """The table is (V, V) and starts from N(0, 1), as ``nn.Embedding`` does.
        Without ``rng`` it differs from one model to the next."""
        self.vocab_size = vocab_size
        rng = rng if rng is not None else np.random.default_rng()
        self.token_embedding_table: Array = rng.standard_normal(
            (vocab_size, vocab_size)
        ).astype(dtype)

    def forward(
        self, idx: Ids, targets: Ids | None = None
    ) -> tuple[Array, float | None]:
        """``logits`` (B, T, V) for every position of ``idx`` (B, T), and the mean
        cross-entropy in nats against ``targets`` (B, T), or ``None`` without them.

        Raises ``UserError`` for an id outside [0, V).
        """
        check_ids(idx, self.vocab_size, "idx")
        logits = self.token_embedding_table[idx]
        if targets is None:
            return logits, None
        check_pairs(idx, targets, self.vocab_size)
        loss, _ = cross_entropy(logits.reshape(-1, self.vocab_size), targets.ravel())
        return logits, float(loss)

    __call__ = forward

    def loss_and_gradient(self, idx: Ids, targets: Ids) -> tuple[float, Array]:
        """The same loss, and a fresh ``dW`` (V, V): nothing accumulates from call to
        call."""
        return pair_counts.loss_and_gradient(self.token_embedding_table, idx, targets)

    def generate(
        self, idx: Ids, max_new_tokens: int, uniforms: Array | None = None
    ) -> Ids:
        """Continues each row of ``idx`` (B, T): returns int64 (B, T + max_new_tokens).

        ``uniforms`` (B, max_new_tokens), draws from [0, 1), decide what is written;
        without them it differs from one call to the next.
        """
        if idx.ndim != 2 or idx.shape[1] == 0:
            raise UserError(
                f"idx has shape {idx.shape}; generation starts from (B, T) with T at "
                "least 1"
            )
        if uniforms is None:
            uniforms = np.random.default_rng().random((len(idx), max_new_tokens))
        idx = idx.astype(np.int64)
        for t in range(max_new_tokens):
            # (B, 1, V): a bigram model looks at the last character alone
            logits, _ = self(idx[:, -1:])
            logits = logits[:, -1, :]
            e = np.exp(logits - logits.max(axis=1, keepdims=True))
            probs = e / e.sum(axis=1, keepdims=True)
            idx_next = sample(probs, uniforms[:, t : t + 1])  # (B, 1)
            idx = np.concatenate([idx, idx_next], axis=1)  # (B, T + 1)
        return idx


def sample(probs: Array, uniform: Array) -> Ids:
    """Inverse CDF: the first id whose cumulative probability exceeds the draw.
    ``probs`` (B, V), ``uniform`` (B, 1) from [0, 1); returns (B, 1)."""
    cdf = np.cumsum(probs, axis=1)
    # It ends at 1 now, rounding or not, and no draw falls beyond the end, not even one
    # that was rounded up to 1.
    cdf /= cdf[:, -1:]
    return ((cdf <= uniform) & (cdf < 1)).sum(axis=1, keepdims=True)
