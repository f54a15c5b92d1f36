"""The bigram language model: a table of logits, looked up by the last character.

Beside it: ``impl_numpy/model.py``, the same class with the same names and no autograd.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# cross_entropy drops every target equal to its ignore_index, -100 unless told, out of
# the mean without a word. No id has this value, so every wrong target is an error.
NO_TARGET = torch.iinfo(torch.int64).min


class BigramLanguageModel(nn.Module):
    """Row i of ``token_embedding_table`` holds the logits of what follows character
    i."""

    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        # starts from N(0, 1)
        self.token_embedding_table = nn.Embedding(vocab_size, vocab_size)

    def forward(
        self, idx: Tensor, targets: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """``logits`` (B, T, V) for every position of ``idx`` (B, T), and the mean
        cross-entropy in nats against ``targets`` (B, T), or ``None`` without them.

        Raises ``IndexError`` for an id outside [0, V).
        """
        logits = self.token_embedding_table(idx)
        if targets is None:
            return logits, None
        # Flattened first: cross_entropy takes dimension 1 for the classes, and that is
        # T here.
        loss = F.cross_entropy(
            logits.flatten(0, 1), targets.flatten(), ignore_index=NO_TARGET
        )
        return logits, loss

    @torch.no_grad()
    def generate(
        self, idx: Tensor, max_new_tokens: int, uniforms: Tensor | None = None
    ) -> Tensor:
        """Continues each row of ``idx`` (B, T): returns (B, T + max_new_tokens).

        ``uniforms`` (B, max_new_tokens), draws from [0, 1), decide what is written;
        without them ``torch.multinomial`` draws from torch's own generator.
        """
        for t in range(max_new_tokens):
            # (B, 1, V): a bigram model looks at the last character alone
            logits, _ = self(idx[:, -1:])
            logits = logits[:, -1, :]
            probs = F.softmax(logits, dim=-1)
            if uniforms is None:
                idx_next = torch.multinomial(probs, num_samples=1)  # (B, 1)
            else:
                idx_next = sample(probs, uniforms[:, t : t + 1])
            idx = torch.cat([idx, idx_next], dim=1)  # (B, T + 1)
        return idx


def sample(probs: Tensor, uniform: Tensor) -> Tensor:
    """Inverse CDF: the first id whose cumulative probability exceeds the draw.
    ``probs`` (B, V), ``uniform`` (B, 1) from [0, 1); returns (B, 1)."""
    cdf = torch.cumsum(probs, dim=1)
    # It ends at 1 now, rounding or not, and no draw falls beyond the end, not even one
    # that was rounded up to 1.
    cdf = cdf / cdf[:, -1:]
    return ((cdf <= uniform) & (cdf < 1)).sum(dim=1, keepdim=True)
