"""Random windows of a text, and the same windows moved on by one character: the input
and the targets of a training step."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from common.errors import UserError


class Batcher:
    """Draws batches from one split. The same generator state always gives the same
    batches.

    >>> batcher = Batcher(np.arange(10), 1, 4, rng=np.random.default_rng(0))
    >>> x, y = batcher.get_batch()
    >>> x, y
    (array([[5, 6, 7, 8]]), array([[6, 7, 8, 9]]))
    """

    def __init__(
        self,
        tokens: NDArray[np.integer],  # (n,), any integer type
        batch_size: int,  # B
        block_size: int,  # T
        rng: np.random.Generator,
    ) -> None:
        """Raises ``UserError`` if not even one window and its targets fit in
        ``tokens``."""
        if len(tokens) < block_size + 1:
            raise UserError(
                f"block_size {block_size} needs {block_size + 1} tokens in the "
                f"split and this one has {len(tokens)}; use a longer text or a "
                "smaller block_size"
            )
        # Every window of T + 1 tokens, (n - T, T + 1): a view of the tokens, not a
        # copy.
        self.windows = sliding_window_view(tokens, block_size + 1)
        self.batch_size = batch_size
        self.rng = rng

    def get_batch(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """``x, y``, both int64, contiguous, ``(B, T)``: ``y[b, t]`` is the character
        after ``x[b, t]``."""
        # `integers` excludes its upper bound, so the last window is included, and its
        # last target is the last token of the text.
        starts = self.rng.integers(len(self.windows), size=self.batch_size)
        windows = self.windows[starts]  # (B, T + 1)
        return windows[:, :-1].astype(np.int64), windows[:, 1:].astype(np.int64)
