"""The published training step, 32 x 8 tokens over 65 characters: by hand beside PyTorch's.

What is timed is gated: both trainers take the very batches that are timed, and each must end, after just as
many steps, where the other ends. Nothing that skips work can do that.
"""

import os
import platform
from collections.abc import Iterator

import numpy as np
import pytest

from bigram.bounds import weight_bound
from common.batcher import Batcher
from common.config import Config
from common.corpus import Corpus, surrogate_corpus
from common.training import initial_table
from impl_numpy.trainer import NumpyTrainer

torch = pytest.importorskip("torch")

from impl_torch.trainer import TorchTrainer  # noqa: E402

TRAINERS = {"numpy": NumpyTrainer, "torch": TorchTrainer}
ROUNDS, STEPS, WARMUP = 40, 50, 4  # a round is STEPS steps; pytest-benchmark reports the time of one


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return surrogate_corpus()


@pytest.fixture
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("backend", TRAINERS)
def test_quick_step(benchmark, one_thread: None, corpus: Corpus, backend: str, dtype: str) -> None:
    total = (ROUNDS + WARMUP) * STEPS + 1  # pedantic makes one call more, which it does not time
    config = Config(dtype=dtype, max_iters=total)
    rng = np.random.default_rng(config.seed)
    table = initial_table(corpus.tokenizer.vocab_size, dtype, rng)
    batcher = Batcher(corpus.train, config.batch_size, config.block_size, rng)
    batches = [batcher.get_batch() for _ in range(total)]

    trainer, waiting = TRAINERS[backend](table, config), iter(batches)
    benchmark.group = f"training step, 32 x 8 tokens, V = 65, {dtype}"
    benchmark.extra_info |= {
        "numpy": np.__version__,
        "torch": torch.__version__,
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "dtype": dtype,
        "corpus": corpus.sha256,
    }
    benchmark.pedantic(
        lambda: trainer.step(*next(waiting)), rounds=ROUNDS, iterations=STEPS, warmup_rounds=WARMUP
    )

    assert next(waiting, None) is None  # every batch was trained on, and none twice
    (other,) = (cls(table, config) for name, cls in TRAINERS.items() if name != backend)
    for batch in batches:
        other.step(*batch)
    reached, expected = trainer.state().weight, other.state().weight
    assert abs(reached - expected).max() <= weight_bound(config)
    assert abs(reached - table).max() > 0.1  # far from where it started
