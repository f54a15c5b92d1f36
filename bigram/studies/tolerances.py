"""How the famous tolerances do beside ``bigram check``: ``python -m bigram.studies.tolerances``
prints it.

Each rule is tried twice: on one ordinary batch, the first of the published schedule, and on the
cases of ``bigram check``, so that cases and bounds can be told apart. Values are given, not
differentiated numerically, so no rule suffers from the noise of its differences. A last table
counts the false alarms that each rule raises on right code.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from bigram import markdown
from bigram.comparator import compare_tensor
from bigram.doctor.cases import Case, gradient_cases
from bigram.doctor.mistakes import gradients, optimizers
from bigram.doctor.optimizer import Run, optimizer_runs, run_maker
from bigram.studies.mistakes import GRADIENTS, OPTIMIZERS
from common.arrays import Array
from common.batcher import Batcher
from common.config import Config
from common.pairs import count_pairs
from common.text.corpus import surrogate_corpus
from common.training import initial_table
from impl_numpy import cross_entropy, pair_counts, stepwise

Rule = Callable[[Array, Array], bool]  # value, right: is the value accepted?


def within(atol: float, rtol: float) -> Rule:
    """|value - right| <= atol + rtol |right| in every entry."""
    return lambda value, right: bool(np.allclose(value, right, rtol=rtol, atol=atol))


def along_a_random_direction(value: Array, right: Array) -> bool:
    """Only the derivative along one random direction is compared, absolutely and relatively, to
    JAX's own tolerance for the dtype."""
    tolerance = 2e-3 if value.dtype == np.float32 else 1e-5
    direction = np.random.default_rng(0).standard_normal(right.shape)
    return within(tolerance, tolerance)((value * direction).sum(), (right * direction).sum())


def relative_error(value: Array, right: Array) -> bool:
    """|value - right| / max(|value|, |right|) is below 1e-4 in every entry, and 0 / 0 counts as
    0."""
    larger = np.maximum(abs(value), abs(right))
    error = np.divide(abs(value - right), larger, where=larger != 0, out=np.zeros(right.shape))
    return bool(error.max() < 1e-4)


GRADIENT_RULES: dict[str, Rule] = {
    "2e-2 absolute (llm.c)": within(2e-2, 0),
    "gradcheck": within(1e-5, 1e-3),
    "check_grads (JAX)": along_a_random_direction,
    "np.allclose": within(1e-8, 1e-5),
    "relative 1e-4 (cs231n)": relative_error,
}
OPTIMIZER_RULES = [
    "ten losses within 1e-2 (llm.c)",
    "one step, np.allclose",
    "ten steps, np.allclose",
]
RIGHT_GRADIENTS = [module.loss_and_gradient for module in (stepwise, cross_entropy, pair_counts)]


class Verdicts(NamedTuple):
    """Whether something passes each rule, and ``bigram check`` last. None where a rule cannot be
    tried."""

    name: str
    batch: list[bool | None]
    cases: list[bool | None]


def accepted(case: Case, dW: Array) -> list[bool]:
    """By each rule, and by the bound of ``bigram check``."""
    right = case.truth["dW"]
    with np.errstate(all="ignore"):
        rules = [rule(dW, right) for rule in GRADIENT_RULES.values()]
        return [*rules, compare_tensor("dW", dW, right, case.bound["dW"]).fraction_of_bound <= 1]


def by_all(verdicts: Iterable[list[bool]]) -> list[bool]:
    """Accepted on every case."""
    return [all(column) for column in zip(*verdicts, strict=True)]


def gradient_verdicts() -> Iterator[Verdicts]:
    """For each wrong gradient."""
    batch, cases = first_batch("float64"), gradient_cases("float64")
    for mistake in GRADIENTS:
        on_batch, on_cases = gradients.build([mistake]), gradients.build([mistake])
        with np.errstate(all="ignore"):
            # one that accumulates has something to add to then
            on_batch(batch.W, batch.idx, batch.targets)
            of_batch = accepted(batch, on_batch(batch.W, batch.idx, batch.targets)[1])
            of_cases = [
                accepted(case, on_cases(case.W, case.idx, case.targets)[1].copy()) for case in cases
            ]
        yield Verdicts(mistake.name, [*of_batch], [*by_all(of_cases)])


def optimizer_verdicts() -> Iterator[Verdicts]:
    """For each wrong AdamW. The gradients of the cases are given, so that there are no losses to
    compare."""
    runs = optimizer_runs("float64")
    make = run_maker(runs)
    right_losses, right_tables = ten_steps(optimizers.build())
    for mistake in OPTIMIZERS:
        losses, tables = ten_steps(optimizers.build([mistake]))
        closer = within(1e-8, 1e-5)
        on_batch = [
            within(1e-2, 0)(losses, right_losses),
            closer(tables[0], right_tables[0]),
            closer(tables[-1], right_tables[-1]),
        ]
        on_cases = by_all(
            updates_accepted(run, made["W"])
            for run, made in zip(runs, make([mistake]), strict=True)
        )
        yield Verdicts(mistake.name, [*on_batch, None], [None, *on_cases])


def updates_accepted(run: Run, tables: Array) -> list[bool]:
    """After one step and after ten, by np.allclose, and after each by the bound of ``bigram
    check``."""
    (truth, bound), closer = run.truth_and_bound, within(1e-8, 1e-5)
    with np.errstate(all="ignore"):
        one, ten = (closer(tables[step], truth[step]) for step in (0, 9))
        return [one, ten, compare_tensor("W", tables, truth, bound).fraction_of_bound <= 1]


def false_alarms() -> Iterator[tuple[str, int, list[int]]]:
    """Of each kind of input: its name, the number of right results, and how many of them each rule
    rejects."""
    for dtype in ("float64", "float32"):
        for name, cases in (
            ("one batch", [first_batch(dtype)]),
            ("the cases of `bigram check`", gradient_cases(dtype)),
            ("near the optimum", [near_the_optimum(dtype)]),
            ("V = 1,024", [large_vocabulary(dtype)]),
        ):
            verdicts = [
                accepted(case, function(case.W, case.idx, case.targets)[1])
                for case in cases
                for function in RIGHT_GRADIENTS
            ]
            alarms = [column.count(False) for column in zip(*verdicts, strict=True)]
            yield f"{name}, {dtype}", len(verdicts), alarms


def first_batch(dtype: str) -> Case:
    """Of the published schedule."""
    W, batcher = first_table_and_batches(dtype)
    return Case("the first batch", W, *batcher.get_batch())


def near_the_optimum(dtype: str) -> Case:
    """20,000 pairs of the text at the table that their counts make best: nearly every entry of dW
    cancels."""
    tokens = embedded_corpus().train[:20_001].astype(np.int64)
    idx, targets = tokens[None, :-1], tokens[None, 1:]
    C = count_pairs(idx, targets, embedded_corpus().tokenizer.vocab_size)
    return Case("near the optimum", np.log(np.maximum(C, 1e-9)).astype(dtype), idx, targets)


def large_vocabulary(dtype: str) -> Case:
    """32 tokens among 1,024 characters."""
    rng = np.random.default_rng(1024)
    table = initial_table(1024, dtype, rng)
    return Case("V = 1,024", table, *rng.integers(1024, size=(2, 4, 8)))


def ten_steps(cls: Callable[..., Any]) -> tuple[Array, list[Array]]:
    """Losses and tables of the schedule's first ten steps, with the right gradient."""
    W, batcher = first_table_and_batches("float64")
    optimizer = cls(W)
    losses, tables = [], []
    with np.errstate(all="ignore"):
        for _ in range(10):
            loss, dW = pair_counts.loss_and_gradient(W, *batcher.get_batch())
            optimizer.step(W, dW)
            losses.append(loss)
            tables.append(W.copy())
    return np.array(losses), tables


embedded_corpus = cache(surrogate_corpus)  # made once, not with every optimizer


def first_table_and_batches(dtype: str) -> tuple[Array, Batcher]:
    """The published schedule as it starts, on the embedded corpus."""
    config, corpus = Config(dtype=dtype), embedded_corpus()
    rng = np.random.default_rng(config.seed)
    W = initial_table(corpus.tokenizer.vocab_size, config.dtype, rng)
    return W, Batcher(corpus.train, config.batch_size, config.block_size, rng)


# --- the tables -----------------------------------------------------------------------------------


def counted(verdicts: Sequence[Verdicts], on: str) -> list[int | None]:
    """How many pass each rule on the ``batch`` or on the ``cases``; None where that cannot be
    tried."""
    columns = list(zip(*(getattr(each, on) for each in verdicts), strict=True))
    return [None if None in column else sum(column) for column in columns]


def verdict_table(heading: str, rules: list[str], verdicts: Sequence[Verdicts]) -> str:
    """A row for each mistake: "passes" on both, on the "batch" alone, or on the "cases" alone. The
    last rows count them."""

    def cell(batch: bool | None, cases: bool | None) -> str:
        if batch and cases is not False:
            return "passes" if cases else "batch"
        return "batch" if batch else "cases" if cases else "·"

    def total(on: str) -> list[str]:
        return ["–" if count is None else f"**{count}**" for count in counted(verdicts, on)]

    rows = [[v.name, *map(cell, v.batch, v.cases)] for v in verdicts]
    of = f"of {len(verdicts)}"
    totals = [
        [f"**pass on one batch, {of}**", *total("batch")],
        [f"**pass on the cases, {of}**", *total("cases")],
    ]
    return markdown.table([heading, *rules, "`bigram check`"], [*rows, *totals], "lc")


def sentence(verdicts: Sequence[Verdicts], alarms: Sequence[tuple[str, int, list[int]]]) -> str:
    """The outcome for gradients, in words."""

    def span(counts: Sequence[Any]) -> str:
        return f"{min(counts)} to {max(counts)}"

    *batch, _ = counted(verdicts, "batch")
    *cases, check = counted(verdicts, "cases")
    *rejected, by_check = (
        sum(column) for column in zip(*(alarm for *_, alarm in alarms), strict=True)
    )
    right = sum(n for _, n, _ in alarms)
    return (
        f"On one batch the five rules let {span(batch)} of {len(verdicts)} wrong gradients pass; "
        f"on the cases of `bigram check` they let {span(cases)} pass, so most of the difference "
        f"comes from the cases. Its bounds let {check} pass there. Of {right} right results the "
        f"rules reject {span(rejected)}, the bounds {by_check}.\n"
    )


def report() -> str:
    """Three tables in Markdown, and a sentence."""
    wrong, alarms = list(gradient_verdicts()), list(false_alarms())
    rules = list(GRADIENT_RULES)
    false = markdown.table(
        ["right gradients rejected", *rules, "`bigram check`"],
        [
            [f"{name}, of {n}", *(str(count) if count else "·" for count in row)]
            for name, n, row in alarms
        ],
        "lc",
    )
    parts = (
        verdict_table("wrong gradient", rules, wrong),
        false,
        sentence(wrong, alarms),
        verdict_table("wrong AdamW", OPTIMIZER_RULES, list(optimizer_verdicts())),
    )
    return "\n".join(parts)


if __name__ == "__main__":
    print(report(), end="")
