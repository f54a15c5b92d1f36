"""Cases of any size: the reader's own, or random ones of up to 4,096 characters and a million
tokens.

50 digits would take minutes there. The truth is worked out from pair counts, in the longest
floating-point type of the processor, and its own error, by the bound of ``bounds.py`` in that type,
is added to the bound. The rest of that bound holds at any size: it grows with the visits n of a row
and with the tokens N, and the sum over V goes in pairs or blocks.
"""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bigram.bounds import gradient_bound, unit_roundoff
from bigram.comparator import Row, compare_tensor
from bigram.doctor.cases import Case, loss_room
from common.arrays import Array
from common.errors import UserError
from common.pairs import check_pairs

LARGEST_VOCAB, LARGEST_TOKENS = 4096, 10**6
ROWS = 64  # in one block, so that a table in long double need not be held


class SizedCase(Case):
    """A case that is too large for 50 digits and for most witnesses."""

    @cached_property
    def truth(self) -> dict[str, Array]:
        """``loss`` and ``dW`` from pair counts in long double."""
        dW = np.zeros(self.W.shape)
        loss = np.longdouble(0)
        for first in range(0, len(self.W), ROWS):
            C = self.counts[first : first + ROWS]
            if not C.any():
                continue
            n = C.sum(axis=1, keepdims=True)
            z = self.W[first : first + ROWS].astype(np.longdouble)
            z -= z.max(axis=1, keepdims=True)
            e = np.exp(z)
            s = e.sum(axis=1, keepdims=True)
            loss += (n * np.log(s)).sum() - np.where(C > 0, C * z, 0).sum()
            dW[first : first + ROWS] = (n * (e / s) - C) / np.longdouble(self.idx.size)
        return {"loss": np.asarray(float(loss / self.idx.size)), "dW": dW}

    @cached_property
    def bound(self) -> dict[str, Array]:
        """That of a correct answer, and that of the truth above, rounded once to float64."""
        u = unit_roundoff(np.float64)
        own = unit_roundoff(np.longdouble) / u  # 2**-11 with the 64 bits of x86, else 1
        extra: dict[str, Array] = {
            "loss": np.asarray(own * loss_room(self, float(self.truth["loss"]))),
            "dW": own * gradient_bound(self.W.astype(np.float64), self.counts),
        }
        return {
            name: bound + extra[name] + u * abs(self.truth[name])
            for name, bound in super().bound.items()
        }

    @cached_property
    def testimonies(self) -> dict[str, tuple[float, Array, Array]]:
        """None: the truth above is all that is fast enough."""
        return {}

    def rows(self, output: dict[str, Array], wanted: tuple[str, ...]) -> list[Row]:
        """How the outputs compare with the truth."""
        return [
            compare_tensor(name, output[name], self.truth[name], self.bound[name])
            for name in wanted
        ]


def own_case(W: ArrayLike, idx: ArrayLike, targets: ArrayLike, dtype: str) -> SizedCase:
    """The reader's own arrays. Raises ``UserError`` where they are no table and no ids."""
    table = np.array(W, dtype)
    ids, next_ids = np.array(idx), np.array(targets)
    if table.ndim != 2 or table.shape[0] != table.shape[1] or not table.size:
        raise UserError(f"W has shape {table.shape}; it must be a table (V, V)")
    if not np.isfinite(table).all():
        raise UserError("W holds values that are not finite")
    for name, array in (("idx", ids), ("targets", next_ids)):
        if array.dtype.kind not in "iu" or array.shape != ids.shape or not array.size:
            raise UserError(
                f"{name} has shape {array.shape} of {array.dtype}; idx and targets are ids (B, T)"
            )
    check_pairs(ids, next_ids, len(table))
    within(len(table), ids.size)
    return SizedCase("your own arrays", table, ids, next_ids)


def random_case(vocab: int, tokens: int, dtype: str) -> SizedCase:
    """A random table, and ids of which a few come often and many seldom or never, as in a text."""
    within(vocab, tokens)
    rng = np.random.default_rng(25)
    W = rng.normal(scale=2.0, size=(vocab, vocab)).astype(dtype)
    often = np.minimum((vocab * rng.random((2, tokens)) ** 3).astype(np.int64), vocab - 1)
    windows = next(B for B in range(min(64, tokens), 0, -1) if tokens % B == 0)
    idx, targets = often.reshape(2, windows, -1)
    return SizedCase(f"V = {vocab:,}, N = {tokens:,}", W, idx, targets)


def within(vocab: int, tokens: int) -> None:
    """Raises ``UserError`` where the size is too large to be judged."""
    if not 1 <= vocab <= LARGEST_VOCAB:
        raise UserError(f"vocab is {vocab}; it must be at least 1 and at most {LARGEST_VOCAB:,}")
    if not 1 <= tokens <= LARGEST_TOKENS:
        raise UserError(f"tokens is {tokens}; it must be at least 1 and at most {LARGEST_TOKENS:,}")


def sized_cases(
    W: ArrayLike | None,
    idx: ArrayLike | None,
    targets: ArrayLike | None,
    vocab: int | None,
    tokens: int | None,
    dtype: str,
) -> list[SizedCase]:
    """The cases that are asked for besides the built-in ones."""
    cases = []
    if W is not None and idx is not None and targets is not None:
        cases.append(own_case(W, idx, targets, dtype))
    elif not (W is None and idx is None and targets is None):
        raise UserError("give all three of W, idx and targets, or none")
    if vocab is not None or tokens is not None:
        V, N = 65 if vocab is None else vocab, 4096 if tokens is None else tokens
        cases.append(random_case(V, N, dtype))
    return cases


def add_rows(record: dict[str, Any], case: Case, rows: list[Row]) -> None:
    """Adds one more case to the record of the others."""
    for row in rows:
        wrong = row.fraction_of_bound > 1
        if wrong:
            only = (
                record["verdict"] == "correct"
                and "; the built-in cases are right, so the size matters"
            )
            record["pattern"].append(f"{row.name} is wrong on the case '{case.name}'{only or ''}")
        worst = record["worst"]
        if worst["fraction_of_bound"] is None or row.fraction_of_bound > worst["fraction_of_bound"]:
            record["worst"] = (
                worst
                | {"case": case.name, "of": row.name}
                | {name: getattr(row, name) for name in ("fraction_of_bound", "max_abs", "where")}
            )
    if any(row.fraction_of_bound > 1 for row in rows):
        record["verdict"] = "wrong"


def largest(cases: list[Any]) -> tuple[int, int]:
    """V and N of the largest."""
    return max(len(case.W) for case in cases), max(case.idx.size for case in cases)
