"""Random tables and batches in which a wrong gradient cannot hide: repeated ids in every batch,
rows never visited, B, T and V all different where there is room, logits from flat to saturated."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Case(NamedTuple):
    W: NDArray  # (V, V)
    idx: NDArray  # (B, T)
    targets: NDArray  # (B, T)

    def __str__(self) -> str:
        reach = float(abs(self.W).max())
        return f"V={len(self.W)} B,T={self.idx.shape} max|W|={reach:.3g} {self.W.dtype}"


def random_case(rng: np.random.Generator, dtype: str, V: int, B: int, T: int, reach: float) -> Case:
    """Logits up to ``reach`` in size; ids from about half of the characters, the first of them
    twice."""
    W = rng.uniform(-reach, reach, (V, V)).astype(dtype)
    some = rng.permutation(V)[: max(1, (V + 1) // 2)]
    idx = rng.choice(some, (B, T))
    if idx.size > 1:
        idx.flat[-1] = idx.flat[0]
    return Case(W, idx, rng.integers(V, size=(B, T)))


def random_cases(dtype: str, seed: int, count: int) -> Iterator[Case]:
    """V from 2 to 130, N from 1 to 4096, logits up to 30 either way."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        V = int(rng.integers(2, 131))
        T = int(2 ** rng.uniform(0, 6))
        B = int(2 ** rng.uniform(0, 12)) // T or 1
        yield random_case(rng, dtype, V, B, T, reach=float(rng.choice([0.1, 1.0, 5.0, 30.0])))
