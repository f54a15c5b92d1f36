"""The reports of `train`, `compare` and `optimum` as text; ``--json`` prints the same records."""

from collections.abc import Iterator, Mapping
from typing import Any

from bigram.terminal import number, table_text

LABELS = {
    "loss": "loss, every step",
    "gradient": "gradient, every step",
    "update": "weights, by one update",
    "weight": "weights, over the run",
    "exp_avg": "exp_avg, every step",
    "exp_avg_sq": "exp_avg_sq, every step",
}


def run_header(result: Mapping[str, Any]) -> Iterator[str]:
    """What a run was run on, line by line."""
    corpus, config = result["corpus"], result["config"]
    yield f"corpus    {corpus['name']}: {corpus['characters']:,} characters, V = {corpus['vocab_size']}"
    yield f"          {corpus['source']}"
    yield f"          sha256 {corpus['sha256']}"
    yield (
        f"training  {config['max_iters']:,} steps of {config['batch_size']} x {config['block_size']} tokens, "
        f"{config['dtype']}, seed {config['seed']}"
    )
    yield f"          AdamW, lr {config['lr']:g}, weight decay {config['weight_decay']:g}"


def evaluation_line(step: int, train: float, val: float) -> str:
    """Where a single run stands."""
    return f"step {step:>6,}   train {train:.4f}   val {val:.4f}"


def comparison_report(result: Mapping[str, Any]) -> Iterator[str]:
    """All that ``compare`` found, line by line; the last line is the verdict."""
    yield from run_header(result)

    yield "\nMean loss of each split in nats\n"
    yield table_text(
        ["step", "NumPy train", "torch train", "NumPy val", "torch val"],
        (
            [f"{row['step']:,}"]
            + [f"{row[side][part]:.7f}" for part in ("train", "val") for side in ("numpy", "torch")]
            for row in result["history"]
        ),
    )

    agreement = result["agreement"]
    yield "\nLargest difference between the two\n"
    yield table_text(
        ["", "max abs", "its bound", "nearest to a bound anywhere"],
        (
            [
                label,
                f"{agreement[f'{name}_max_abs']:.1e}",
                f"{agreement['bounds'][name]:.1e}",
                f"{number(agreement['fraction_of_bound'][name])} of it",
            ]
            for name, label in LABELS.items()
        ),
    )

    for name, step in agreement["vacuous"].items():
        yield (
            f"\nvacuous   {LABELS[name]}: from step {step:,} on its bound is so wide that it can find nothing"
            "\n          the verdict rests on the others"
        )

    config, speed, sample = result["config"], result["speed"], result["sample"]
    optimum, last = result["optimum"]["train"], result["history"][-1]["numpy"]["train"]
    yield f"\noptimum   {optimum:.7f} nats, the least any bigram table can reach on the training split"
    yield f"          training ended {last - optimum:.4f} nats above it"
    numpy_us, torch_us, threads = speed["numpy_us_per_step"], speed["torch_us_per_step"], speed["threads"]
    ratio, cores = f"a ratio of {speed['ratio']:.1f}", f"{threads} thread{'s'[: threads != 1]}"
    yield f"speed     NumPy {numpy_us:.0f} µs a step, torch {torch_us:.0f} µs: {ratio}"
    yield f"          {cores}, torch on {config['device']}"
    if sample["identical"]:
        yield f"\n{len(sample['text'])} characters, written by both from the same draws and identical:\n"
        yield sample["text"]
    else:
        yield "\nThe two wrote different texts from the same draws. NumPy:\n"
        yield sample["text"]
        yield "\ntorch:\n"
        yield sample["torch_text"]
    yield f"\n{verdict_line(result)}"


def verdict_line(result: Mapping[str, Any]) -> str:
    """One line: agree, or differ and in what."""
    fractions = result["agreement"]["fraction_of_bound"]
    over = [label for name, label in LABELS.items() if not fractions[name] <= 1]
    steps = f"{result['config']['max_iters']:,} steps"
    if result["verdict"] == "agree":
        return f"agree: every difference in {steps} is within its bound"
    if over:
        return f"differ: over the bound in {'; '.join(over)}"
    return f"differ: {steps} are within their bounds, but the texts are not the same"


def optimum_report(record: Mapping[str, Any]) -> Iterator[str]:
    """What ``optimum`` found, line by line."""
    shards = record["shards"]
    yield (
        f"corpus    {len(shards)} text{'s'[: len(shards) != 1]}, {record['characters']:,} characters, "
        f"V = {record['vocab_size']}"
    )
    for shard in shards:
        yield f"          {shard['name']}: {shard['characters']:,} characters"
        yield f"          sha256 {shard['sha256']}"
    yield f"pairs     {record['pairs']:,}, of which {record['distinct_pairs']:,} distinct"
    yield f"optimum   {record['optimum']:.7f} nats, the least any bigram table can reach on all of it"
