"""The cases on which a gradient is judged, and the right answer to each."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bigram.bounds import gradient_bound, unit_roundoff
from bigram.doctor.witnesses import WITNESSES, decimal_truth
from common.arrays import Array
from common.pairs import count_pairs

Outputs = list[dict[str, Array]]  # of each case, by name: loss, dW; or W after every step

REPEATED = "the same batch again"
FORWARD, BACK = "a small step of W forward", "a small step of W back"
STEP = 1e-5  # the size of that step in every entry, up or down
# exp(-50) is below the last bit of 1 in either dtype; exp overflows from 88 on in float32, 709 in
# float64.
ORDINARY = 50.0


@dataclass(frozen=True, eq=False)
class Case:
    """Arguments that make some mistake visible, and the right answer, computed once."""

    name: str
    W: Array
    idx: NDArray[np.integer]
    targets: NDArray[np.integer]

    @cached_property
    def extreme(self) -> bool:
        """Whether a logit of a visited row is further than ``ORDINARY`` from zero or from its
        maximum."""
        visited = self.W[np.unique(self.idx)]
        return bool(max(abs(visited).max(), np.ptp(visited, axis=1).max()) > ORDINARY)

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """C, (V, V)."""
        return count_pairs(self.idx, self.targets, len(self.W))

    @cached_property
    def truth(self) -> dict[str, Array]:
        """``loss`` and ``dW`` to 50 digits, rounded once."""
        loss, dW = decimal_truth(self.W, self.idx, self.targets)
        return {"loss": np.asarray(loss), "dW": dW}

    @cached_property
    def bound(self) -> dict[str, Array]:
        """How far a correct ``loss`` and ``dW`` may lie from the truth.

        Besides the bound of ``bounds.py`` there is room for logsumexp(x) - x[target], which is
        right code too, though its row is not shifted: with m the row's maximum, m + log(s) is
        rounded by u |m + log s|, in the loss as it is, and in p = exp(x - logsumexp(x)) relative
        to p. Twice that is allowed.
        """
        u = unit_roundoff(self.W.dtype)
        largest = abs(self.W.astype(np.float64).max(axis=1, keepdims=True))
        n = self.counts.sum(axis=1, keepdims=True)
        expected = self.truth["dW"] + self.counts / n.sum()  # n p / N
        room = loss_room(self, float(self.truth["loss"]))
        dW = gradient_bound(self.W, self.counts, exp_of_log=True, per_token=True)
        return {
            "loss": np.asarray(room + 2 * u * float((n * largest).sum() / n.sum())),
            "dW": dW + 2 * u * largest * abs(expected),
        }

    @cached_property
    def testimonies(self) -> dict[str, tuple[float, Array, Array]]:
        """Of each witness that can speak here: its loss, its dW, and the bound on the error of that
        dW."""
        return {
            witness.name: (
                *witness.gradient(self.W, self.idx, self.targets),
                witness.bound(self.W, self.counts),
            )
            for witness in WITNESSES
            if not witness.why_not(self.W, self.counts)
        }


def gradient_cases(dtype: str) -> list[Case]:
    """Small, and between them: repeated ids, characters never visited, B, T and V all different, T
    = V and B = V, one token and 320, saturated logits, a table of zeros, strided and
    Fortran-ordered arrays, ids in int32, the same arguments twice, and other ones of the same
    shapes."""
    rng = np.random.default_rng(20)

    def case(
        name: str, V: int, B: int, T: int, scale: float = 2.0, some: int | None = None
    ) -> Case:
        W = rng.normal(scale=scale, size=(V, V)).astype(dtype)
        characters = rng.permutation(V)[: some or V]
        return Case(name, W, rng.choice(characters, (B, T)), rng.integers(V, size=(B, T)))

    plain = case("B, T and V different, some characters never visited", V=9, B=3, T=5, some=5)
    large = case("larger than all others, in Fortran order", V=33, B=16, T=20)
    wide = case("strided arrays", V=12, B=6, T=14)
    saturated = case("saturated logits", V=5, B=4, T=3, scale=300.0)
    saturated.W[saturated.idx[0, -1], 0] = 1000.0  # exp overflows from 709 on
    # No probability just above zero, where few digits are left and no two ways to it agree.
    low, high = (85, 105) if dtype == "float32" else (705, 750)
    below = saturated.W.max(axis=1, keepdims=True) - saturated.W
    saturated.W[(low < below) & (below < high)] -= 100
    repeats = case("inputs and targets the same", V=7, B=4, T=3)
    small = case("ids in int32", V=7, B=2, T=6)
    return [
        plain,
        replace(plain, name=REPEATED),
        replace(plain, name="another table of the same shape", W=plain.W[::-1].copy()),
        replace(
            plain, name="another batch of the same shape", idx=plain.targets, targets=plain.idx
        ),
        case("few characters, repeated often", V=6, B=4, T=7, some=2),
        case("one character only, B = V", V=6, B=6, T=4, some=1),
        case("T = V", V=6, B=4, T=6),
        case("one window", V=5, B=1, T=8),
        case("windows of one token", V=4, B=7, T=1),
        case("one token", V=4, B=1, T=1),
        case("two characters", V=2, B=3, T=4),
        case("a single character to choose from", V=1, B=2, T=3),
        case("a table of zeros", V=8, B=2, T=5, scale=0.0),
        case("a wide range of probabilities", V=10, B=5, T=4, scale=8.0),
        saturated,
        replace(large, W=np.asfortranarray(large.W)),
        replace(repeats, targets=repeats.idx.copy()),
        Case(wide.name, wide.W[::2, ::2], wide.idx[::2, ::2] // 2, wide.targets[::2, ::2] // 2),
        replace(small, idx=small.idx.astype(np.int32)),
        *large_cases(dtype),
        *extreme_cases(dtype),
        replace(plain, name=FORWARD, W=(plain.W + STEP * direction(9)).astype(dtype)),
        replace(plain, name=BACK, W=(plain.W - STEP * direction(9)).astype(dtype)),
    ]


def direction(V: int) -> NDArray[np.float64]:
    """(V, V) of 1 and -1: a step to which no error of a gradient is at right angles."""
    return np.random.default_rng(23).choice([-1.0, 1.0], (V, V))


def large_cases(dtype: str) -> list[Case]:
    """Beyond the sizes at which a byte, a count of 8 bits or a tile ends. None is a multiple of a
    power of two, and few rows are visited, so that the truth is quick to know."""
    rng = np.random.default_rng(24)

    def case(name: str, V: int, B: int, T: int, characters: list[int]) -> Case:
        W = rng.normal(scale=2.0, size=(V, V)).astype(dtype)
        idx, targets = rng.choice(characters, (B, T)), rng.integers(V, size=(B, T))
        idx.flat[: len(characters)] = characters
        targets[0, : len(characters)] = V - 1 - np.arange(len(characters))
        return Case(name, W, idx, targets)

    often = case("one pair 300 times", 3, 11, 31, [0, 1, 2])
    often.idx.flat[-300:], often.targets.flat[-300:] = 1, 2
    return [
        case("more than 512 tokens", 9, 37, 19, list(range(8))),
        often,
        case("more than 256 characters", 301, 3, 7, [3, 70, 140, 200, 257, 300]),
    ]


def extreme_cases(dtype: str) -> list[Case]:
    """One cause of overflow or underflow each: a logit too large for exp; a target's probability
    that underflows, further and further; rows far from each other; rows far below zero."""
    rng = np.random.default_rng(25)
    W = rng.normal(scale=2.0, size=(6, 6)).astype(dtype)
    idx, targets = rng.integers(6, size=(3, 5)), rng.integers(6, size=(3, 5))
    gaps = (25, 45, 70, 80, 130) if dtype == "float32" else (25, 45, 100, 200, 400, 700, 800)
    underflow = W.copy()
    underflow[idx[1], targets[1]] = -1500
    return [
        *(
            Case(
                f"one token, its target {gap} below the maximum",
                np.array([[0.5, -gap, 0], [-gap + 0.25, 0.25, 0], [0.0, 0.0, -gap]], dtype),
                np.array([[k % 3]]),
                np.array([[(1, 0, 2)[k % 3]]]),
            )
            for k, gap in enumerate(gaps)
        ),
        Case("every logit near 1000", (W + 1000).astype(dtype), idx, targets),
        Case("a target's probability is 0", underflow, idx, targets),
        Case(
            "rows far apart",
            (W - 2000 * (np.arange(6) % 3 == 1)[:, None]).astype(dtype),
            idx,
            targets,
        ),
        Case("every logit near -1000", (W - 1000).astype(dtype), idx, targets),
    ]


def loss_room(case: Case, loss: float) -> float:
    """How far a correct loss may be from the truth, however it is summed: 8 u for the logarithm,
    and one rounding for each token; relative, but absolute below 1 nat."""
    return (8 + case.idx.size) * unit_roundoff(case.W.dtype) * max(1.0, abs(loss))
