"""The exact loss of a whole training split: a million tokens, or the counts of their pairs."""

import importlib.util
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.harness import gates
from benchmarks.harness.interleave import CLOCK, Group, Job, Unavailable, last_result
from benchmarks.harness.work import EVALUATED, VOCABULARIES, quick, tokens_of
from common.config import Config
from common.pairs import count_pairs
from common.text.corpus import Corpus
from common.training import initial_table
from impl_numpy import cross_entropy, pair_counts

pytestmark = pytest.mark.benchmark(timer=CLOCK)

BY_COUNTS = ("numpy-pair-counts", "numpy-counting", "torch-pair-counts")
# at V = 65 alone: their time is N * V, for any corpus
BY_TOKEN = ("numpy-per-token", "torch-eager")
CHUNK = 2**15  # tokens at a time: all of them would need N * V floats
ROWS = [(V, form) for V in VOCABULARIES for form in (*BY_COUNTS, *(BY_TOKEN if V == 65 else ()))]


def torch_evaluation(name: str, tables: list[NDArray], tokens: NDArray, counts: NDArray) -> Job:
    """The reference's own evaluation from counts, or its model over all tokens."""
    if not importlib.util.find_spec("torch"):
        raise Unavailable("torch is not installed")
    import torch
    from torch.nn import functional as F

    from impl_torch.trainer import TorchTrainer

    trainers = [TorchTrainer(table, Config()) for table in tables]
    if name == "torch-pair-counts":
        return last_result(lambda i: trainers[i % len(tables)].evaluate(counts))
    data = torch.tensor(tokens, dtype=torch.long)

    @torch.no_grad()
    def by_token(i: int) -> float:
        model, total = trainers[i % len(tables)].model, 0.0
        for start in range(0, len(data) - 1, CHUNK):
            idx, targets = data[start : start + CHUNK + 1][:-1], data[start + 1 : start + CHUNK + 1]
            logits, _ = model(idx[None])
            total += float(F.cross_entropy(logits[0], targets, reduction="sum"))
        return total / (len(data) - 1)

    return last_result(by_token)


@pytest.mark.parametrize(
    ("V", "form"), [pytest.param(*r, id=quick(f"V{r[0]}", r[1], r[0] == 65)) for r in ROWS]
)
def test_evaluation(row: Callable, corpus: Corpus, V: int, form: str) -> None:
    def make() -> Group:
        tokens = tokens_of(corpus, V, EVALUATED)
        counts = count_pairs(tokens[:-1], tokens[1:], V)
        rng = np.random.default_rng(Config().seed)
        tables = [initial_table(V, "float32", rng) for _ in range(2)]

        def per_token(i: int) -> float:
            W, total = tables[i % 2], 0.0
            for start in range(0, len(tokens) - 1, CHUNK):
                idx, targets = (
                    tokens[start : start + CHUNK + 1][:-1],
                    tokens[start + 1 : start + CHUNK + 1],
                )
                total += float(cross_entropy.cross_entropy(W[idx], targets)[0]) * len(targets)
            return total / (len(tokens) - 1)

        def counting(i: int) -> float:
            return pair_counts.loss_of_counts(
                tables[i % 2], count_pairs(tokens[:-1], tokens[1:], V)
            )

        def from_torch(name: str) -> Callable[[], Job]:
            return lambda: torch_evaluation(name, tables, tokens, counts)

        jobs: dict[str, Callable[[], Job]] = {
            "numpy-pair-counts": lambda: last_result(
                lambda i: pair_counts.loss_of_counts(tables[i % 2], counts)
            ),
            "numpy-counting": lambda: last_result(counting),
            "torch-pair-counts": from_torch("torch-pair-counts"),
        }
        if V == 65:
            jobs |= {
                "numpy-per-token": lambda: last_result(per_token),
                "torch-eager": from_torch("torch-eager"),
            }
        info = {"vocab_size": V, "tokens": len(tokens), "dtype": "float32"}
        return Group(jobs, gates.losses(tables, [counts, counts]), 2, 3.0 if V == 65 else 1.5, info)

    row(make, f"exact evaluation, V = {V:,}", form)
