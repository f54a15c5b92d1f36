"""What ``bigram train`` and ``bigram compare`` print for people; ``--json`` says the same to machines."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

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


def check_report(record: Mapping[str, Any]) -> Iterator[str]:
    """What the doctor found in the reader's function or class, line by line."""
    yield f"subject   {record['subject']}"
    if record["witnesses"]:
        yield "\nAgainst each witness, the worst of all cases\n"
        yield tensor_table(record["witnesses"])
    worst = record["worst"]
    if worst["case"] is not None:
        at = f" at {tuple(worst['where'])}" if worst["where"] else ""
        yield f"\nworst     {worst['of']} on the case '{worst['case']}'{at}"
        fraction, max_abs = number(worst["fraction_of_bound"]), number(worst["max_abs"])
        yield f"          {fraction} times its bound, max abs {max_abs}"
    if record["complaint"]:
        yield f"\nstopped   {record['complaint']}"
    for found in record["diagnosis"]:
        yield f"\nmistake   {found['mistake']}\n          {found['why']}\nmend      {found['mend']}"
    if record["pattern"]:
        yield "\nwhat no mistake of the catalogue explains:"
        yield from (f"  - {line}" for line in record["pattern"])
    yield from (f"\nnot tried {reason}" for reason in record["not_tried"])
    yield f"\n{check_verdict(record)}"


def check_verdict(record: Mapping[str, Any]) -> str:
    """One line: correct, or wrong and how."""
    if record["verdict"] == "correct":
        return "correct: every case is within its bound" + (" that was tried" if record["not_tried"] else "")
    if record["complaint"]:
        return "wrong: it gave no answer that could be judged"
    unknown = ["something that the catalogue does not know"] if record["pattern"] else []
    return "wrong: " + " and ".join([found["mistake"] for found in record["diagnosis"]] + unknown)


def evidence_report(record: Mapping[str, Any]) -> Iterator[str]:
    """``bigram check`` without a subject: this project's own code, line by line."""
    yield "Both implementations against 50-digit arithmetic, the worst of all cases\n"
    yield table_text(
        ["", "dtype", "loss, of its bound", "dW, of its bound", "dW max abs"],
        (
            [
                row["implementation"],
                row["dtype"],
                number(row["loss_fraction_of_bound"]),
                number(row["dW_fraction_of_bound"]),
                number(row["dW_max_abs"]),
            ]
            for row in record["gradients"]
        ),
    )
    yield "\nNumPy pair counts against each witness, float64\n"
    yield tensor_table(record["witnesses"])
    for dtype in ("float64", "float32"):
        yield f"\nEvery intermediate of stepwise, and its gradient, against torch's, {dtype}\n"
        yield tensor_table([row for row in record["intermediates"] if row["dtype"] == dtype])
    yield "\nAdamW after every step of some runs, against long double, of the bound\n"
    yield table_text(
        ["", "dtype", "run", "of the bound"],
        (
            [row["implementation"], row["dtype"], row["run"], number(row["fraction_of_bound"])]
            for row in record["optimizers"]
        ),
    )
    yield "\nThe blunt tool: order of the Taylor remainder, 2 for the right gradient\n"
    yield table_text(
        ["", "order"], ([row["gradient"], f"{row['order']:.2f}"] for row in record["taylor_order"])
    )
    yield "\nRoom in the bounds: what correct code uses, and how far beyond the mildest mistake lies\n"
    yield table_text(
        ["", "dtype", "correct code", "mistakes", "mildest", "times the bound"],
        (
            [
                row["bound"],
                row["dtype"],
                number(row["residual"]),
                str(row["mistakes"]),
                row["nearest_mistake"],
                number(row["nearest_mistake_fraction"]),
            ]
            for row in record["margins"]
        ),
    )
    yield f"\n{check_verdict(record)}"


def tensor_table(rows: Iterable[Mapping[str, Any]]) -> str:
    """One row a tensor, the worst of all cases; ``where`` is the entry nearest to its bound."""
    return table_text(
        ["", "exact", "of the bound", "max abs", "where"],
        (
            [
                row["name"],
                "yes" if row["exact"] else "no",
                number(row["fraction_of_bound"]),
                number(row["max_abs"]),
                ", ".join(map(str, row["where"])) if row["where"] else "",
            ]
            for row in rows
        ),
    )


def number(value: float | None) -> str:
    """Two or three digits, whatever the size."""
    return (
        "0" if value == 0 else f"{value:.3g}" if value is not None and 1e-3 <= value < 1e5 else f"{value:.1e}"
    )


def table_text(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table as plain text: figures to the right, a column without heading to the left."""
    from rich import box  # only here: `train` prints no table, and is done before rich is loaded
    from rich.console import Console
    from rich.table import Table

    table = Table(*headings, box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading, column in zip(headings, table.columns, strict=True):
        column.justify = "right" if heading else "left"
    for row in rows:
        table.add_row(*row)
    console = Console(width=110, color_system=None)
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())
