"""A text with exactly the pair counts of tiny Shakespeare, for machines that cannot download it.

A bigram model sees a text only through its counts of neighbouring pairs. Draw the characters as
points and every counted pair as an arrow, and a text is a walk along the arrows that takes each
one exactly once: an Eulerian trail. So the package ships the counts (6 kB) and walks such a trail
at random. The vocabulary, the split, the exact losses and the optimum are tiny Shakespeare's to the
last digit, though no word of it survives: a bigram model cannot know the rest.

``python -m tests.kit.surrogate_counts tinyshakespeare.txt`` counts them again.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from common.text.fast_tokenizer import FastTokenizer

COUNTS = Path(__file__).with_name("surrogate_counts.npz")


def eulerian_trail(
    counts: NDArray[np.integer], first: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Ids ``(counts.sum() + 1,)`` that start at ``first`` and take every pair exactly C[i, j]
    times.

    The counts ``(V, V)`` must be those of some text that starts at ``first``. The walk leaves each
    character by its exits in random order, except that the very last exit of each follows a tree
    to the character where the text ends: with that it can never be stranded (the construction
    behind the BEST theorem of de Bruijn, van Aardenne-Ehrenfest, Smith and Tutte).
    """
    V = len(counts)
    # Every arrow into a character is followed by one out of it, but for the text's two ends.
    surplus = counts.sum(axis=0) - counts.sum(axis=1)
    surplus[first] += 1
    end = int(surplus.argmax())

    last_exit: dict[int, int] = {}
    tree = [end]
    for reached in tree:  # grows as it is walked: breadth first, against the arrows
        for i in np.flatnonzero(counts[:, reached]).tolist():
            if i != end and i not in last_exit:
                last_exit[i] = reached
                tree.append(i)

    exits: list[list[int]] = []
    for i, row in enumerate(counts):
        remaining = row.copy()
        if i in last_exit:
            remaining[last_exit[i]] -= 1
        order = rng.permutation(np.repeat(np.arange(V), remaining)).tolist()
        exits.append([*order, last_exit[i]] if i in last_exit else order)

    take = [iter(order).__next__ for order in exits]
    trail = [first]
    for _ in range(int(counts.sum())):
        trail.append(take[trail[-1]]())
    return np.array(trail)


def surrogate_tokens(
    seed: int = 0,
) -> tuple[FastTokenizer, NDArray[np.unsignedinteger], NDArray[np.unsignedinteger]]:
    """``tokenizer, train, val`` with tiny Shakespeare's counts: 1,003,854 and 111,540 tokens."""
    rng = np.random.default_rng(seed)
    with np.load(COUNTS, allow_pickle=False) as shipped:
        tokenizer = FastTokenizer(str(shipped["vocab"]))
        train, val = (
            eulerian_trail(
                shipped[part].astype(np.int64), int(shipped[f"{part}_first"]), rng
            ).astype(tokenizer.dtype)
            for part in ("train", "val")
        )
    return tokenizer, train, val
