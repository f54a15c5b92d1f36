"""The checks that a result must pass before its time counts. Bounds are those of
``bigram/bounds.py``.

Every gate is a function of a contender's name, its result, and the number of its calls, and raises
AssertionError. Inputs come round again, and no two have the same right result: a contender that
ignores its input, or returns an old result, fails.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.harness.work import FORMS, Work
from bigram.bounds import gradient_bound, loss_bound
from bigram.comparator import compare_tensor
from common.arrays import Array, Ids
from common.pairs import count_pairs
from impl_numpy.adamw import AdamW
from impl_numpy.trainer import NumpyTrainer

Gate = Callable[[str, Any, int], None]

# The largest difference of two float32 tables at the end of a group's run. Measured, and the same
# figure, as ``bounds.weight_bound``, which is for batches up to 8,192 tokens, NumPy and torch.
END = 2e-5
# The same few gradients are rounded the same way every time, and that adds up: 1e-4 measured after
# 1,600 steps of AdamW alone, at V = 256. So does another order of rounding: compiled loops and
# accelerators fuse multiplication and addition, 4e-5 measured after 3,200 steps. One step left out
# is lr = 1e-3.
OTHER_ROUNDING = 5e-4
LIKE_THE_REFEREE = ("NumPy", "torch", "autograd")


def table_after(step: Callable[[int], Array], start: Array, lr: float, end: float) -> Gate:
    """The table must be where ``step``, of the plain form, takes it in as many steps, and away from
    the start: an update moves some entry by about lr. ``step(i)`` returns the table after step
    i."""
    start = start.copy()
    after = {0: start}

    def check(name: str, W: Array, steps: int) -> None:
        if steps not in after:  # every contender asks for the same few
            for i in range(max(after), steps):
                reached = step(i)
            after[steps] = reached.copy()
        expected = after[steps]
        assert abs(expected - start).max() > min(0.4 * lr * steps, 0.1)
        alike = FORMS[name].device == "cpu" and FORMS[name].backend in LIKE_THE_REFEREE
        row = compare_tensor(name, W, expected, end if alike else OTHER_ROUNDING)
        assert row.fraction_of_bound <= 1, row

    return check


def trained(work: Work) -> Gate:
    """Of the whole step."""
    trainer = NumpyTrainer(work.table, work.config)

    def step(i: int) -> Array:
        trainer.step(*work.batches[i % len(work.batches)])
        return trainer.state().weight

    return table_after(step, work.table, work.config.lr, END)


def optimized(work: Work, gradients: list[Array]) -> Gate:
    """Of AdamW alone, on given gradients."""
    W, c = work.table.copy(), work.config
    plain = AdamW(W, c.lr, c.betas, c.eps, c.weight_decay)

    def step(i: int) -> Array:
        plain.step(W, gradients[i % len(gradients)])
        return W

    return table_after(step, work.table, c.lr, OTHER_ROUNDING)


def loss_and_gradient(work: Work) -> Gate:
    """Both against the counts form in double precision, each entry of dW within its derived
    bound."""

    @functools.cache
    def truth(batch: int) -> tuple[Ids, float, Array]:
        C = count_pairs(*work.batches[batch], len(work.table))
        return C, *exact(work.table, C)

    @functools.cache
    def bound(batch: int, per_token: bool) -> Array:
        return gradient_bound(work.table, truth(batch)[0], exp_of_log=True, per_token=per_token)

    def check(name: str, result: tuple[float, Array], calls: int) -> None:
        batch = (calls - 1) % len(work.batches)
        _, loss, dW = truth(batch)
        assert abs(result[0] - loss) <= loss_bound(loss, work.table.dtype), (result[0], loss)
        room = bound(batch, FORMS[name].algorithm == "per token")
        row = compare_tensor(name, result[1], dW, room)
        assert row.fraction_of_bound <= 1, row

    distinct([truth(batch)[1] for batch in range(len(work.batches))], work.table)
    return check


def losses(tables: Sequence[Array], counts: Sequence[Ids]) -> Gate:
    """A mean loss against the same in double precision. Call i is on the i-th table and counts."""
    expected = [exact_loss(W, C) for W, C in zip(tables, counts, strict=True)]
    distinct(expected, tables[0])

    def check(name: str, loss: float, calls: int) -> None:
        wanted = expected[(calls - 1) % len(expected)]
        bound = loss_bound(wanted, tables[0].dtype)
        assert abs(float(loss) - wanted) <= bound, (name, loss, wanted)

    return check


def distinct(losses: list[float], W: Array) -> None:
    """No two inputs may have the same right answer."""
    gaps = np.diff(np.sort(losses))
    assert gaps.min() > 2 * loss_bound(max(losses), W.dtype)


def exact_loss(W: Array, C: Ids) -> float:
    """-sum C log p / N in double precision."""
    z = W.astype(np.float64) - W.max(axis=1, keepdims=True)
    z -= np.log(np.exp(z).sum(axis=1, keepdims=True))
    return float(-(C * z).sum() / C.sum())


def exact(W: Array, C: Ids) -> tuple[float, Array]:
    """Loss and (n p - C) / N in double precision."""
    e = np.exp(W.astype(np.float64) - W.max(axis=1, keepdims=True))
    n = C.sum(axis=1, keepdims=True)
    return exact_loss(W, C), (n * e / e.sum(axis=1, keepdims=True) - C) / C.sum()
