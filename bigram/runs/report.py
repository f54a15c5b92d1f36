"""The reports of `train`, `compare` and `optimum` as text; ``--json`` prints the same records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bigram.terminal import labelled, number, plural, table_text

if TYPE_CHECKING:
    from bigram.runs.compare import Comparison
    from bigram.runs.optimum import Optimum
    from bigram.runs.records import CorpusRecord
    from common.config import Config

LABELS = {
    "loss": "loss, every step",
    "gradient": "gradient, every step",
    "update": "weights, by one update",
    "weight": "weights, over the run",
    "exp_avg": "exp_avg, every step",
    "exp_avg_sq": "exp_avg_sq, every step",
}


def run_header(corpus: CorpusRecord, config: Config) -> Iterator[str]:
    """The text and the schedule of a run, line by line."""
    characters = plural(corpus.characters, "character")
    yield f"corpus    {corpus.name}: {characters}, V = {corpus.vocab_size}"
    yield f"source    {corpus.source}"
    yield f"sha256    {corpus.sha256}"
    steps, batch = plural(config.max_iters, "step"), f"{config.batch_size} x {config.block_size}"
    yield f"training  {steps} of {batch} tokens, {config.dtype}, seed {config.seed}"
    yield f"          AdamW, lr {config.lr:g}, weight decay {config.weight_decay:g}"


def evaluation_line(step: int, train: float, val: float) -> str:
    """The losses of a single run after ``step`` updates."""
    return f"step {step:>6,}   train {train:z.4f}   val {val:z.4f}"


def comparison_report(result: Comparison) -> Iterator[str]:
    """All that ``compare`` found, line by line; the last line is the verdict."""
    yield from run_header(result.corpus, result.config)

    yield "\nMean loss of each split in nats\n"
    yield table_text(
        ["step", "NumPy train", "torch train", "NumPy val", "torch val"],
        (
            [f"{step:,}", *(f"{loss:z.7f}" for split in (train, val) for loss in split)]
            for step, train, val in result.history
        ),
    )

    yield "\nLargest difference between the two\n"
    yield table_text(
        ["", "max abs", "its bound", "nearest to a bound anywhere"],
        (
            [
                LABELS[name],
                f"{largest.max_abs:.1e}",
                f"{largest.bound:.1e}",
                f"{number(largest.fraction_of_bound)} of it",
            ]
            for name, largest in result.largest.items()
        ),
    )

    for name, step in result.vacuous.items():
        yield ""
        wide = f"from step {step:,} on its bound is too wide to find anything"
        yield labelled("vacuous", f"{LABELS[name]}: {wide}; the verdict rests on the others")

    above = result.history[-1].train.numpy - result.optimum
    optimum = f"{result.optimum:z.7f} nats, the least of any bigram table on the training split"
    yield f"\noptimum   {optimum}"
    yield f"          training ended {above:z.4f} nats above it"
    ours, theirs = result.us_per_step
    times = f"NumPy {ours:.0f} µs a step, torch {theirs:.0f} µs"
    yield f"speed     {times}: a ratio of {result.ratio:.1f}"
    yield f"          {plural(result.threads, 'thread')}, torch on {result.device}"
    sample = result.sample
    if sample.identical:
        length = plural(len(sample.numpy), "character")
        yield f"\n{length}, written by both from the same draws and identical:\n"
        yield sample.numpy
    else:
        yield "\nThe two wrote different texts from the same draws. NumPy:\n"
        yield sample.numpy
        yield "\ntorch:\n"
        yield sample.torch
    yield f"\n{verdict_line(result)}"


def verdict_line(result: Comparison) -> str:
    """One line: agree, or differ and in which numbers."""
    over = [LABELS[name] for name, largest in result.largest.items() if not largest.within]
    steps = plural(result.config.max_iters, "step")
    if result.verdict == "agree":
        return f"agree: every difference in {steps} is within its bound"
    if over:
        return f"differ: over the bound in {'; '.join(over)}"
    return (
        f"differ: every difference in {steps} is within its bound, but the texts are not the same"
    )


def optimum_report(found: Optimum) -> Iterator[str]:
    """The result of ``optimum``, line by line."""
    texts, characters = plural(len(found.shards), "text"), plural(found.characters, "character")
    yield f"corpus    {texts}, {characters}, V = {found.vocab_size}"
    for shard in found.shards:
        yield f"          {shard.name}: {plural(shard.characters, 'character')}"
        yield f"sha256    {shard.sha256}"
    yield f"pairs     {found.pairs:,}, of which {found.distinct_pairs:,} distinct"
    yield f"optimum   {found.optimum:z.7f} nats, the least of any bigram table on all of it"
