"""One tensor held against another, entry by entry, each entry by its own bound; one row of a
report."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from common.arrays import Array


class Row(NamedTuple):
    """The result for one tensor."""

    name: str
    exact: bool  # every entry equal
    fraction_of_bound: float  # the largest |difference| / bound of any entry; correct is at most 1
    max_abs: float  # the largest |difference|, which may well be at another entry
    # the entry nearest to its bound, or furthest over it; None if none differs
    where: tuple[int, ...] | None


def differences(value: ArrayLike, truth: ArrayLike) -> Array:
    """|value - truth|, entry by entry, in float64 or longer. NaN on either side is infinitely far
    from everything, itself included; an infinity is at distance 0 from the same infinity."""
    value, truth = np.asarray(value), np.asarray(truth)
    wide = np.result_type(value, truth, np.float64)  # float32 - float32 would round once more
    with np.errstate(invalid="ignore"):
        difference = np.asarray(np.subtract(value, truth, dtype=wide))
    np.abs(difference, out=difference)
    if difference.size and np.isnan(difference.max()):  # a maximum is nan if one entry is
        difference = np.where(np.isnan(difference), np.where(value == truth, 0, np.inf), difference)
    return difference


def fractions(difference: Array, bound: ArrayLike) -> Array:
    """``difference / bound``, entry by entry. No difference is 0 even where the bound is 0; any
    other is infinitely far over a bound that is 0 or NaN."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        fraction = np.asarray(difference / np.asarray(bound))
    if fraction.size and np.isnan(fraction.max()):
        fraction = np.where(np.isnan(fraction), np.where(difference == 0, 0, np.inf), fraction)
    return fraction


def compare_tensor(name: str, value: ArrayLike, truth: ArrayLike, bound: ArrayLike) -> Row:
    """``value`` against ``truth``, any one shape; ``bound`` broadcasts to it. Another shape is as
    wrong as a value can be: it is not broadcast, and infinitely far."""
    if np.shape(value) != np.shape(truth):
        return Row(name, False, float("inf"), float("inf"), None)
    difference = differences(value, truth)
    if not difference.any():
        return Row(name, True, 0.0, 0.0, None)
    fraction = fractions(difference, bound)
    where = tuple(int(axis) for axis in np.unravel_index(fraction.argmax(), fraction.shape))
    return Row(name, False, float(fraction.max()), float(difference.max()), where)
