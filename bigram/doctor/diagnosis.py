"""Which mistakes of the catalogue make just these outputs? ``Search`` finds them, and their
numbers.

Every mistake is made on the same cases and compared with the reader's output, case by case, and the
first disagreement ends it. Small cases come first, so a wrong guess costs some microseconds, and
cases that the reader has right rule out all that would be wrong there. A number, such as an eps, is
found from one entry of one output; all other entries of all cases must then agree.

Outputs that are no numbers take no part. A mistake whose own effect lies within the room is never
named.
"""

import itertools
import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from bigram.comparator import differences, fractions
from bigram.doctor.mistakes.stages import Mistake
from common.arrays import Array

Chosen = tuple[Mistake, ...]
# The result of a mistake on one case: an array, with one more axis in front where amounts are many.
Make = Callable[[Chosen, int], Array]

# How far two versions of one mistake may lie apart, in bounds of the right result. Each is within
# one bound, enlarged as the mistake enlarges the result: 2. The rest is for mistakes that round
# more often than the right program does.
SLACK = 8.0
AFFORDABLE = 2000  # cost of a case on which a number is sought together with another mistake
GRID = 24  # amounts tried at once
CONFIRMED = 3  # entries that a number must explain besides the one it was found from


@dataclass(frozen=True)
class Fit:
    """Mistakes that make the outputs on every case that took part."""

    mistakes: Chosen
    distance: float  # the furthest entry, in units of its room


@dataclass(frozen=True)
class Observed:
    """One output of the reader's on every case, and the truth."""

    outputs: Sequence[Array]
    truths: Sequence[Array]
    bounds: Sequence[Array]
    u: float  # unit roundoff of the outputs

    def fraction(self, i: int) -> float:
        """How far the output of case ``i`` is from the truth, in bounds."""
        return float(fractions(differences(self.outputs[i], self.truths[i]), self.bounds[i]).max())

    def room(self, i: int, made: Array) -> float:
        """How far apart two versions of a mistake may lie, which may have moved any entry
        anywhere."""
        largest = float(abs(made).max())
        size = max(1.0, largest / (float(abs(self.truths[i]).max()) or 1.0))
        return SLACK * (size * float(np.max(self.bounds[i])) + 2 * self.u * largest)


class Search:
    """The mistakes that explain ``observed`` on the cases ``usable``."""

    def __init__(
        self,
        observed: Observed,
        make: Make,
        usable: Sequence[int],
        cost: Callable[[int], float],
        ratio_names: Callable[[dict[str, float]], list[Mistake]] | None = None,
        ratios: Sequence[dict[str, float]] = (),
    ) -> None:
        self.seen, self.make, self.usable, self.cost = observed, make, usable, cost
        self.ratios = ratios
        self.name_ratio: Any = ratio_names
        self.fraction = {i: observed.fraction(i) for i in usable}
        self.failing = [i for i in usable if self.fraction[i] > 1]
        by_cost = sorted(usable, key=cost)
        # Small cases that are right: a mistake that would be seen there is not it.
        settled = [i for i in by_cost if self.fraction[i] <= 1 and observed.truths[i].any()]
        self.settled = sorted(
            settled, key=lambda i: (np.size(observed.truths[i]) in (2, 3, 4, 9), cost(i))
        )[:2]
        small = [i for i in by_cost if self.fraction[i] > 1 and np.size(observed.outputs[i]) >= 16]
        probe = small[:1] or [i for i in by_cost if self.fraction[i] > 1][:1]
        self.order = [*probe, *(i for i in by_cost if i not in probe)]
        # Cases that a number shows on: those furthest from the truth, of those that cost little.
        cheap = [
            i for i in self.failing if cost(i) <= 4 * cost(by_cost[len(by_cost) // 2])
        ] or self.failing[:1]
        best = sorted(cheap, key=lambda i: -min(self.fraction[i], 1e300))[:3]
        self.probes = [*self.order[:1], *(i for i in best if i not in self.order[:1])]

    # --- does it agree? ---------------------------------------------------------------------------

    def made(self, chosen: Chosen, i: int) -> Array | None:
        """The result of the mistakes ``chosen`` on case ``i``; None where it cannot be made."""
        try:
            with np.errstate(all="ignore"):
                return self.make(chosen, i)
        except (IndexError, ValueError, TypeError, ArithmeticError):  # not on a case of this shape
            return None

    def distance(self, made: Array | None, i: int) -> float:
        """The largest distance between output and made result, in units of the room."""
        output = self.seen.outputs[i]
        if made is None or made.shape != output.shape or not np.isfinite(made).all():
            return math.inf
        return float(abs(made - output).max()) / self.seen.room(i, made)

    def effects(self, made: Array, i: int) -> int:
        """The entries that are visibly wrong in ``made``; none where it is the reader's own output,
        taken as equal because to make it takes too long."""
        if made is self.seen.outputs[i]:
            return 0
        return int((differences(made, self.seen.truths[i]) > self.seen.room(i, made)).sum())

    def fit(self, chosen: Chosen) -> Fit | None:
        """``chosen`` as it is, or times one ratio, if it agrees everywhere."""
        order = sorted(self.order) if any(m.remembers for m in chosen) else self.order
        made = cache(lambda i: self.made(chosen, i))
        apart, effects = 0.0, 0
        for i in order:
            here = made(i)
            apart = max(apart, self.distance(here, i))
            if here is None or apart > 1:
                # Where the first output is all zero, any ratio agrees with it.
                in_question = i == order[0] or not np.any(self.seen.outputs[order[0]])
                return self._with_ratio(chosen, order, made) if in_question else None
            effects += self.effects(here, i)
        # A whole number is one of a few hundred, as a variant is one of a few.
        needed = CONFIRMED + 1 if any(m.amounts and not m.whole for m in chosen) else 1
        return Fit(chosen, apart) if effects >= needed else None

    def _ratio(self, made: Array, i: int) -> float | None:
        """The one ratio of output to made result; None if there is none."""
        output = self.seen.outputs[i]
        if made.shape != output.shape or not np.isfinite(made).all():
            return None
        with np.errstate(over="ignore", invalid="ignore"):
            scale = float((made * made).sum(dtype=float))
            ratio = float((made * output).sum(dtype=float)) / scale if 0 < scale < math.inf else 0.0
        return ratio if abs(ratio) > 1e-12 and self.distance(ratio * made, i) <= 1 else None

    def _with_ratio(
        self, chosen: Chosen, order: Sequence[int], made: Callable[[int], Array | None]
    ) -> Fit | None:
        if not self.name_ratio or any(m.ratio for m in chosen):
            return None
        left: dict[str, float] | None = None
        apart, effects = 0.0, 0
        for i in order:
            if (here := made(i)) is None:
                return None
            if float(abs(here).max()) <= self.seen.room(i, here):
                if self.distance(here, i) > 1:
                    return None
                continue
            effects += self.effects(here, i)
            if left is None:
                if (ratio := self._ratio(here, i)) is None:
                    return None
                left = {name: ratio / value for name, value in self.ratios[i].items()}
            distances = {
                name: self.distance(number * self.ratios[i][name] * here, i)
                for name, number in left.items()
            }
            left = {name: number for name, number in left.items() if distances[name] <= 1}
            if not left:
                return None
            apart = max(apart, *(distances[name] for name in left))
        if not left or not (effects or not chosen):
            return None
        return Fit((*chosen, *self.name_ratio(left)), apart)

    # --- numbers ----------------------------------------------------------------------------------

    def fits_with_amount(self, chosen: Chosen) -> Fit | None:
        """The same where one of ``chosen`` has a number that is still to be found."""
        k = next(k for k, m in enumerate(chosen) if m.amounts)
        tried: list[float] = []
        wanted = self.wholes if chosen[k].whole else self.amounts
        for amount in wanted(chosen, k):
            if any(math.isclose(amount, other, rel_tol=1e-9) for other in tried):
                continue
            tried.append(amount)
            for digits in (1, 2, 3, 6, 17):
                rounded = float(f"{amount:.{digits}g}")
                if digits < 17 and abs(rounded - amount) > 0.2 * abs(amount):
                    continue
                found = tuple(m.with_amount(rounded) if j == k else m for j, m in enumerate(chosen))
                if fit := self.fit(found):
                    return fit
        return None

    def wholes(self, chosen: Chosen, k: int) -> Iterator[float]:
        """The whole numbers with which the first failing outputs are as they were observed."""
        low, high = chosen[k].amounts or (0.0, 0.0)
        numbers = np.arange(low, high + 1)
        for i in self.probes:
            given = chosen[k].with_amount(numbers[:, None, None])
            made = self.made(tuple(given if j == k else m for j, m in enumerate(chosen)), i)
            output = self.seen.outputs[i]
            if made is None or made.shape != (len(numbers), *output.shape) or np.isnan(made).all():
                return
            room = self.seen.room(i, np.nan_to_num(made))
            numbers = numbers[(abs(made - output).reshape(len(numbers), -1) <= room).all(axis=1)]
            if numbers.size <= 1:
                break
        yield from map(float, numbers)

    def amounts(self, chosen: Chosen, k: int) -> Iterator[float]:
        """The numbers with which one entry of one output is as it was observed."""
        low, high = chosen[k].amounts or (0.0, 0.0)
        whole = np.linspace(low, high, GRID) if low <= 0 else np.geomspace(low, high, GRID)
        if 0 < low < 0.5 < high < 1:  # as dense near 1 as near 0
            halves = np.geomspace(low, 0.5, GRID // 2), np.geomspace(0.4, 1 - high, GRID // 2)
            whole = np.concatenate([halves[0], 1 - halves[1]])

        def at(numbers: Array, i: int) -> Array | None:
            given = tuple(
                m.with_amount(numbers[:, None, None]) if j == k else m for j, m in enumerate(chosen)
            )
            return self.made(given, i)

        remembers = any(m.remembers for m in chosen)
        for i in sorted(self.failing)[:1] if remembers else self.probes:
            output = self.seen.outputs[i]
            made = at(whole, i)
            if made is None or made.shape != (GRID, *output.shape):
                continue
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # entries without any number
                room = self.seen.room(i, np.where(np.isfinite(made), made, 0))
                made = np.where(np.isfinite(made), made, np.nan)
                low_end, high_end = np.nanmin(made, axis=0), np.nanmax(made, axis=0)
                # an extreme may lie between two of the numbers
                pad = room + (high_end - low_end) / 4
                inside = (low_end - pad <= output) & (output <= high_end + pad)
                if not inside.all():
                    return
                # all entries lie between the same two numbers, or next to them
                ends = np.arange(GRID - 1)[:, None] + np.arange(-1, 3)
                near = made[np.clip(ends, 0, GRID - 1)]  # (GRID - 1, 4, ...)
                least, most = np.nanmin(near, axis=1), np.nanmax(near, axis=1)
                pad = room + (most - least) / 8  # the top of a parabola between the middle two
                fits = (least - pad <= output) & (output <= most + pad)
                between = fits.reshape(GRID - 1, -1).all(axis=1)
                if not between.any():
                    return
                moves = np.nan_to_num(high_end - low_end, nan=0)
            off = differences(output, self.seen.truths[i])
            for entry in dict.fromkeys((int(off.argmax()), int(moves.argmax()))):
                if moves.flat[entry] <= room:
                    continue

                def values(numbers: Array, i: int = i, entry: int = entry) -> Array:
                    made = at(numbers, i)
                    assert made is not None
                    return made.reshape(GRID, -1)[:, entry]

                yield from self._roots(values, whole, float(output.flat[entry]), between)

    @staticmethod
    def _roots(
        values: Callable[[Array], Array], whole: Array, wanted: float, between: Array
    ) -> Iterator[float]:
        """Where ``values`` is ``wanted``: each bracket that is in question is divided until it is
        no wider than a rounding."""
        over = np.sign(values(whole) - wanted)
        starts = np.flatnonzero(
            between & np.isfinite(over[:-1]) & np.isfinite(over[1:]) & (over[:-1] * over[1:] <= 0)
        )
        for start in starts[:3]:
            low, high = float(whole[start]), float(whole[start + 1])
            for _ in range(14):
                numbers = np.linspace(low, high, GRID)
                over = np.sign(values(numbers) - wanted)
                crossing = np.flatnonzero(over[:-1] * over[1:] <= 0)
                if not crossing.size:
                    break
                # The middle of those that cannot be told apart.
                first, last = int(crossing[0]), int(crossing[-1])
                low, high = float(numbers[first]), float(numbers[last + 1])
                if high - low <= 1e-14 * abs(high) or last - first > GRID // 2:
                    break
            yield (low + high) / 2

    # --- the search -------------------------------------------------------------------------------

    def one(self, chosen: Chosen) -> Fit | None:
        """Whether these mistakes together explain it."""
        numbers = sum(1 for m in chosen if m.amounts)
        if numbers > 1:
            return None
        return self.fits_with_amount(chosen) if numbers else self.fit(chosen)

    def singles(self, atoms: Iterable[Chosen], base: Chosen = ()) -> list[Fit]:
        """All that explain it alone, the fewest mistakes and the nearest first."""
        fits = [
            fit
            for atom in atoms
            if compatible(base, atom)
            and self.viable((*base, *atom))
            and (fit := self.one((*base, *atom)))
        ]
        return ranked(fits)

    def viable(self, chosen: Chosen) -> bool:
        """Whether it leaves the small cases right that are right."""
        if any(m.amounts or m.remembers for m in chosen):
            return True
        return all(self.distance(self.made(chosen, i), i) <= 1 for i in self.settled)

    def pairs(self, atoms: Sequence[Chosen], base: Chosen = ()) -> list[Fit]:
        """All pairs that explain it. One that changes nothing on the first case is tried only with
        those that explain that case alone."""
        first = self.order[0]
        right = self.made(base, first)
        active: list[Chosen] = []
        idle: list[Chosen] = []
        alone: list[Chosen] = []
        affordable = self.cost(first) <= AFFORDABLE or not self.settled
        for atom in atoms:
            if not compatible(base, atom) or not self.viable((*base, *atom)):
                continue
            if any(m.amounts for m in atom):
                if affordable:
                    active.append(atom)
                continue
            made = self.made((*base, *atom), first)
            if made is None:
                continue
            same = right is not None and made.shape == right.shape and np.array_equal(made, right)
            (idle if same else active).append(atom)
            if self.distance(made, first) <= 1 or (
                self.name_ratio and self._ratio(made, first) is not None
            ):
                alone.append(atom)
        tried = itertools.chain(
            ((a, b) for a, b in itertools.combinations(active, 2) if worth(a, b)),
            ((a, b) for a in alone for b in idle if a not in idle),
            itertools.combinations(idle, 2)
            if right is not None and self.distance(right, first) <= 1
            else (),
        )
        fits = [fit for a, b in tried if compatible(a, b) and (fit := self.one((*base, *a, *b)))]
        return ranked(fits)


def costly(atom: Chosen) -> bool:
    """Whether trying it takes more than some ten microseconds."""
    return any(m.amounts or (m.coupled and m.derived) for m in atom)


def worth(a: Chosen, b: Chosen) -> bool:
    """Whether a pair is tried: a factor is found as a ratio unless a number is to be found as well;
    a number with a rare variant of another, or two derivatives of a whole batch, would take
    minutes."""
    if any(m.ratio for m in (*a, *b)):
        return any(m.amounts for m in (*a, *b))
    rare = [
        m
        for m in (*a, *b)
        if m.variants and m.chosen[-1] != m.variants[0] and "token_loss" not in m.code
    ]
    if all(m.side == "W" and m.amounts for m in rare):  # steps of an optimizer cost little
        return True
    return not (costly(a) or costly(b))


def compatible(a: Chosen, b: Chosen) -> bool:
    """Whether two sets of mistakes can be made together: no stage twice."""
    return not any(m.occupied & n.occupied or m.entry == n.entry for m in a for n in b)


def ranked(fits: Iterable[Fit]) -> list[Fit]:
    """The fewest mistakes first, then those without a number, then the nearest."""
    return sorted(
        fits,
        key=lambda fit: (
            len(fit.mistakes),
            sum(bool(m.amounts) for m in fit.mistakes),
            sum(m.derived for m in fit.mistakes),
            fit.distance,
        ),
    )


def atoms_of(
    catalogue: Iterable[Mistake], derive: bool = False, factors: bool = False
) -> list[Chosen]:
    """Every entry with each of its variants; with ``derive`` also as the derivative of the wrong
    loss, with ``factors`` also those that are a ratio."""
    atoms: list[Chosen] = []
    for m in catalogue:
        if m.unstable or (m.ratio and not factors):
            continue
        for variant in m.variants or (None,):
            chosen = tuple(
                x for x in ((m.chosen[0] if m.amounts else None), variant) if x is not None
            )
            one = replace(m, chosen=chosen)
            atoms.append((one,))
            if derive and not m.derived and {"scores", "softmax", "token_loss"} & {*m.code}:
                atoms.append((replace(one, derived=True),))
    return atoms


def said(mistakes: Iterable[Mistake]) -> list[Mistake]:
    """The mistakes with their numbers in their names."""
    return [m if m.ratio and m.code else m.named() for m in mistakes]
