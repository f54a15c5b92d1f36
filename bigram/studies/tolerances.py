"""Which mistakes of the catalogue the famous tolerances let pass:
``python -m bigram.studies.tolerances`` prints it.

Everything is measured in float64 where each tolerance is at its best: one batch of the published schedule
at its first table, for gradients; the schedule's first steps, for optimizers. The wrong values are given,
not differentiated numerically, so no tolerance is blamed for the noise of its differences. ``caught`` in
the last column is ``bigram check``, on its own cases.
"""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np

from bigram import markdown
from bigram.comparator import compare_tensor
from bigram.doctor import gradient, optimizer
from bigram.doctor.cases import gradient_cases
from bigram.doctor.mistakes import gradients, optimizers
from bigram.doctor.mistakes.gradients import Mistake
from common.arrays import Array
from common.batcher import Batcher
from common.config import Config
from common.text.corpus import surrogate_corpus
from common.training import initial_table
from impl_numpy import pair_counts


def within(atol: float, rtol: float) -> Callable[[Array, Array], bool]:
    """|wrong - right| <= atol + rtol |right| in every entry."""
    return lambda wrong, right: bool(np.allclose(wrong, right, rtol=rtol, atol=atol))


def along_a_random_direction(wrong: Array, right: Array) -> bool:
    """Only the derivative along one random direction is compared, to 1e-5 absolute and relative."""
    direction = np.random.default_rng(0).standard_normal(right.shape)
    return within(1e-5, 1e-5)((wrong * direction).sum(), (right * direction).sum())


def relative_error(wrong: Array, right: Array) -> bool:
    """|wrong - right| / max(|wrong|, |right|) is below 1e-4 in every entry."""
    larger = np.maximum(abs(wrong), abs(right))
    error = np.divide(abs(wrong - right), larger, where=larger > 0, out=np.zeros(right.shape))
    return bool(error.max() < 1e-4)


GRADIENT_RULES: dict[str, Callable[[Array, Array], bool]] = {
    "2e-2 absolute (llm.c)": within(2e-2, 0),
    "gradcheck": within(1e-5, 1e-3),
    "check_grads (JAX)": along_a_random_direction,
    "np.allclose": within(1e-8, 1e-5),
    "relative 1e-4 (cs231n)": relative_error,
}
OPTIMIZER_RULES = ["ten losses within 1e-2 (llm.c)", "one step, np.allclose", "ten steps, np.allclose"]


def gradient_rows() -> Iterator[tuple[Mistake, list[bool]]]:
    """For each wrong gradient: would it pass each rule, and ``bigram check``?"""
    W, batcher = first_table_and_batches()
    idx, targets = batcher.get_batch()
    right = pair_counts.loss_and_gradient(W, idx, targets)[1]
    cases = gradient_cases("float64")
    make, judged_by = (
        gradient.gradient_maker(cases),
        list(zip(*gradient.truths_and_bounds(cases), strict=True)),
    )
    for mistake in gradients.GRADIENTS:
        function = gradients.build([mistake])
        function(W, idx, targets)  # a first call, so that a gradient that accumulates has something to add to
        wrong = function(W, idx, targets)[1]
        passes = [rule(wrong, right) for rule in GRADIENT_RULES.values()]
        yield mistake, [*passes, passes_check("dW", make([mistake]), judged_by)]


def optimizer_rows() -> Iterator[tuple[Mistake, list[bool]]]:
    """For each wrong AdamW: would it pass each rule, and ``bigram check``?"""
    runs = optimizer.optimizer_runs("float64")
    make = optimizer.run_maker(runs)
    judged_by = [({"W": truth}, {"W": bound}) for truth, bound in (run.truth_and_bound for run in runs)]
    right_losses, right_tables = ten_steps(optimizers.build())
    for mistake in optimizers.OPTIMIZERS:
        losses, tables = ten_steps(optimizers.build([mistake]))
        passes = [
            within(1e-2, 0)(losses, right_losses),
            within(1e-8, 1e-5)(tables[0], right_tables[0]),
            within(1e-8, 1e-5)(tables[-1], right_tables[-1]),
        ]
        yield mistake, [*passes, passes_check("W", make([mistake]), judged_by)]


def passes_check(of: str, made: Iterator[dict[str, Array]], judged_by: list[Any]) -> bool:
    """Whether every case is within its bound."""
    return all(
        compare_tensor(of, output[of], truth[of], bound[of]).fraction_of_bound <= 1
        for output, (truth, bound) in zip(made, judged_by, strict=True)
    )


def ten_steps(cls: Callable[..., Any]) -> tuple[Array, list[Array]]:
    """Losses and tables of the schedule's first ten steps, with the right gradient."""
    W, batcher = first_table_and_batches()
    optimizer = cls(W)
    losses, tables = [], []
    with np.errstate(all="ignore"):
        for _ in range(10):
            loss, dW = pair_counts.loss_and_gradient(W, *batcher.get_batch())
            optimizer.step(W, dW)
            losses.append(loss)
            tables.append(W.copy())
    return np.array(losses), tables


embedded_corpus = cache(surrogate_corpus)  # a second's work, and asked for with every optimizer


def first_table_and_batches() -> tuple[Array, Batcher]:
    """The published schedule as it starts, in float64, on the embedded corpus."""
    config, corpus = Config(dtype="float64"), embedded_corpus()
    rng = np.random.default_rng(config.seed)
    W = initial_table(corpus.tokenizer.vocab_size, config.dtype, rng)
    return W, Batcher(corpus.train, config.batch_size, config.block_size, rng)


def passes_table(heading: str, rules: list[str], rows: list[tuple[Mistake, list[bool]]]) -> str:
    """A table of the mistakes that pass each rule; its last row counts them."""
    counts = [sum(column) for column in zip(*(passes for _, passes in rows), strict=True)]
    return markdown.table(
        [heading, *rules, "`bigram check`"],
        [
            *(
                [mistake.name, *("passes" if passed else "·" for passed in passes)]
                for mistake, passes in rows
            ),
            [f"**let pass, of {len(rows)}**", *(f"**{count}**" for count in counts)],
        ],
        "lc",
    )


def report() -> str:
    """Both tables, in Markdown."""
    gradient_table = passes_table("gradient", list(GRADIENT_RULES), list(gradient_rows()))
    return f"{gradient_table}\n{passes_table('AdamW', OPTIMIZER_RULES, list(optimizer_rows()))}"


if __name__ == "__main__":
    print(report(), end="")
