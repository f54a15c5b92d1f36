"""The cases on which a gradient is judged, and what is known of the right answer on each."""

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


@dataclass(frozen=True, eq=False)
class Case:
    """Arguments that make some mistake visible, and what is known of the right answer, worked out once."""

    name: str
    W: Array
    idx: NDArray[np.integer]
    targets: NDArray[np.integer]

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
        """How far a correct ``loss`` and ``dW`` may lie from the truth."""
        room = loss_room(self, float(self.truth["loss"]))
        dW = gradient_bound(self.W, self.counts, exp_of_log=True, per_token=True)
        return {"loss": np.asarray(room), "dW": dW}

    @cached_property
    def testimonies(self) -> dict[str, tuple[float, Array, Array]]:
        """Of each witness that can speak here: its loss, its dW, and the bound on the error of that dW."""
        return {
            witness.name: (
                *witness.gradient(self.W, self.idx, self.targets),
                witness.bound(self.W, self.counts),
            )
            for witness in WITNESSES
            if not witness.why_not(self.W, self.counts)
        }


def gradient_cases(dtype: str) -> list[Case]:
    """Small, and between them: repeated ids, characters never visited, B, T and V all different, T = V and
    B = V, one token and 320, saturated logits, a table of zeros, strided and Fortran-ordered arrays, ids in
    int32, the same arguments twice, and other ones of the same shapes."""
    rng = np.random.default_rng(20)

    def case(name: str, V: int, B: int, T: int, scale: float = 2.0, some: int | None = None) -> Case:
        W = rng.normal(scale=scale, size=(V, V)).astype(dtype)
        characters = rng.permutation(V)[: some or V]
        return Case(name, W, rng.choice(characters, (B, T)), rng.integers(V, size=(B, T)))

    plain = case("B, T and V different, some characters never visited", V=9, B=3, T=5, some=5)
    large = case("larger than all others, in Fortran order", V=33, B=16, T=20)
    wide = case("strided arrays", V=12, B=6, T=14)
    saturated = case("saturated logits", V=5, B=4, T=3, scale=300.0)
    saturated.W[saturated.idx[0, -1], 0] = 1000.0  # exp overflows from 709 on
    repeats = case("inputs and targets the same", V=7, B=4, T=3)
    small = case("ids in int32", V=7, B=2, T=6)
    return [
        plain,
        replace(plain, name=REPEATED),
        replace(plain, name="another table of the same shape", W=plain.W[::-1].copy()),
        replace(plain, name="another batch of the same shape", idx=plain.targets, targets=plain.idx),
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
    ]


def loss_room(case: Case, loss: float) -> float:
    """How far a correct loss may be from the truth, however it is summed: 8 u for the logarithm, and one
    rounding for each token; relative, but absolute below 1 nat."""
    return (8 + case.idx.size) * unit_roundoff(case.W.dtype) * max(1.0, abs(loss))
