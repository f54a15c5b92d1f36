"""From text to sample with the hand-written model alone: ``python -m examples.by_hand [FILE]``."""

import sys
from pathlib import Path

import numpy as np

from common.batcher import Batcher
from common.tokenizer import CharTokenizer
from impl_numpy import AdamW, BigramLanguageModel

RHYME = "How much wood would a woodchuck chuck if a woodchuck could chuck wood?\n" * 100


def main(text: str = RHYME, steps: int = 1000) -> str:
    """Trains on ``text`` and returns 200 characters that the model writes."""
    rng = np.random.default_rng(1337)
    tokenizer = CharTokenizer(text)
    batcher = Batcher(tokenizer.encode(text), batch_size=32, block_size=8, rng=rng)
    model = BigramLanguageModel(tokenizer.vocab_size, rng)
    optimizer = AdamW(model.token_embedding_table, lr=1e-2)
    for step in range(steps + 1):
        loss, dW = model.loss_and_gradient(*batcher.get_batch())
        if step % 200 == 0:
            print(f"step {step:4d}   loss {loss:.4f} nats")
        optimizer.step(model.token_embedding_table, dW)
    written = model.generate(np.zeros((1, 1), np.int64), 200, rng.random((1, 200)))
    return tokenizer.decode(written[0])


if __name__ == "__main__":
    print(main(*(Path(path).read_text(encoding="utf-8") for path in sys.argv[1:2])))
