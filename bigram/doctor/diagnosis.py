"""Which mistake of the catalogue is it, and if none, what does the error look like?"""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from bigram.bounds import unit_roundoff
from bigram.comparator import compare_tensor, differences, fractions
from bigram.doctor.cases import REPEATED, Case, Outputs
from bigram.doctor.mistakes.gradients import Mistake
from common.arrays import Array

Maker = Callable[[Iterable[Mistake]], Iterator[dict[str, Array]]]


def diagnose(
    name: str,
    catalogue: Sequence[Mistake],
    make: Maker,
    outputs: Outputs,
    truths: Outputs,
    bounds: Outputs,
    u: float,  # unit roundoff of the outputs
    in_float32: Mistake | None = None,  # to be named where single precision explains what is left
) -> list[Mistake]:
    """The mistake whose output agrees with ``outputs`` on every case; if there is none, the two that do
    when made together; if none do, nothing. Where several agree, the nearest.

    Two people make the same mistake with other roundings, so agreement has room: the bound, enlarged as the
    mistake enlarges the result, and some roundings of its largest entry. That is far less than separates
    any two entries of the catalogue in float64. If nothing fits, all is tried once more with single
    precision's roundings, beginning with no mistake but those.
    """
    pairs = [pair for pair in itertools.combinations(catalogue, 2) if pair[0].stage != pair[1].stage]
    rounds: list[tuple[float, Sequence[tuple[Mistake, ...]]]] = [(1.0, list(zip(catalogue))), (1.0, pairs)]
    wrong = [
        bool((differences(output[name], truth[name]) > bound[name]).any())
        for output, truth, bound in zip(outputs, truths, bounds, strict=True)
    ]
    # Single precision shows on nearly every case; what is wrong on a few is something else.
    if in_float32 and u < unit_roundoff(np.float32) and 2 * sum(wrong) > len(wrong):
        rest = [(mistake,) for mistake in catalogue if mistake is not in_float32]
        rounds += [(unit_roundoff(np.float32) / u, [(), *rest])]

    def distance(chosen: tuple[Mistake, ...], coarser: float) -> float:
        """The largest difference on any case in units of its room; infinite where it is no agreement."""
        apart, is_mistake = 0.0, not chosen
        for output, truth, bound, made in zip(outputs, truths, bounds, make(chosen), strict=True):
            largest = np.nan_to_num(abs(made[name]).max(), posinf=0)
            size = max(1.0, largest / (abs(truth[name]).max() or 1))
            slack = 1000 if u < unit_roundoff(np.float32) else 8
            room = coarser * (slack * size * (bound[name] + bound[name].max() * 1e-3) + 16 * u * largest)
            apart = max(apart, float(fractions(unlike(made[name], output[name]), room).max()))
            if apart > 1:
                return math.inf
            # In float32, "float32 where float64 was asked" is none.
            beyond = room if coarser > 1 else bound[name]
            is_mistake |= bool((differences(made[name], truth[name]) > beyond).any())
        return apart if is_mistake else math.inf

    for coarser, candidates in rounds:
        apart = [distance(chosen, coarser) for chosen in candidates]
        nearest = min(range(len(apart)), key=apart.__getitem__, default=None)
        if nearest is not None and apart[nearest] <= 1:
            also = [in_float32] if in_float32 and coarser > 1 else []
            return [*candidates[nearest], *also]
    return []


def unlike(made: Array, output: Array) -> Array:
    """The difference of two outputs. Where both hold what is no number, they are alike in that: how far it
    spreads depends on how sums are taken."""
    lost = ~np.isfinite(made) | ~np.isfinite(output)
    both = not np.isfinite(made).all() and not np.isfinite(output).all()
    return np.where(lost & both, 0, differences(made, output))


def describe(name: str, cases: list[Case], outputs: Outputs, truths: Outputs, bounds: Outputs) -> list[str]:
    """What an unknown error looks like: on which cases, in which rows, of which sign and scale."""
    wrong = [
        compare_tensor(name, output[name], truth[name], bound[name]).fraction_of_bound > 1
        for output, truth, bound in zip(outputs, truths, bounds, strict=True)
    ]
    lines = [f"{name} is wrong on {sum(wrong)} of {len(cases)} cases"]
    if right := [case.name for case, is_wrong in zip(cases, wrong, strict=True) if not is_wrong]:
        lines.append(f"{name} is right on: {'; '.join(right)}")
    at = wrong.index(True)
    case, output, truth = cases[at], outputs[at][name], truths[at][name]
    off = differences(output, truth) > bounds[at][name]
    lead = f"on the case '{case.name}'"
    if name == "dW":
        n = np.bincount(case.idx.ravel(), minlength=len(case.W))
        groups = {"never visited": n == 0, "visited once": n == 1, "visited more than once": n > 1}
        hit = [label for label, rows in groups.items() if off[rows].any()]
        lines.append(f"{lead} {int(off.sum())} of {off.size} entries are wrong, in rows {', '.join(hit)}")
    if [case.name for case, is_wrong in zip(cases, wrong, strict=True) if is_wrong] == [REPEATED]:
        lines.append("only the second call with the same arguments is wrong: something outlives the first")
    if not np.isfinite(output).all():
        return [*lines, f"{lead} {int((~np.isfinite(output)).sum())} values are not finite"]
    large = off & (abs(truth) > 1e-3 * abs(truth).max())
    ratio = np.divide(output, truth, where=large, out=np.zeros(truth.shape))[large]
    if ratio.size and np.ptp(ratio) <= 1e-6 * abs(ratio).max() and abs(ratio - 1).max() > 1e-6:
        lines.append(f"{lead} every wrong {name} is {ratio.flat[0]:.6g} times the right one")
    elif ratio.size:
        low, high = ratio.min() - 1, ratio.max() - 1
        lines.append(f"{lead} the error is between {low:.2g} and {high:.2g} of the right value")
    error = (output - truth)[off]
    sign = "too large" if (error > 0).all() else "too small" if (error < 0).all() else "of both signs"
    lines.append(f"{lead} the errors are {'' if sign == 'of both signs' else 'all '}{sign}")
    return lines
