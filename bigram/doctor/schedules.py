"""A schedule inside the step, of any shape: the decay and the update of each step are the right
ones, each times one number that depends on t alone."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bigram.bounds import unit_roundoff
from bigram.doctor.diagnosis import SLACK, Chosen
from bigram.doctor.mistakes import optimizers
from bigram.doctor.mistakes.stages import Mistake, figure
from bigram.doctor.traces import found
from common.arrays import Array

TRIED = 6  # steps on which most guesses fail
ALIKE = 1e-6  # how far apart two estimates of one number may lie; its rounding is near 1e-11

# The number at t, t - 1 steps after the first, from the one constant; and the constant from it.
Shape = tuple[str, Callable[[Any, Any], Any], Callable[[float, float], float]]


def power(p: float) -> Shape:
    """A polynomial that falls to 0 at T."""
    return (
        "1 - t / {}" if p == 1 else f"(1 - t / {{}})**{figure(p)}",
        lambda t, T: np.maximum(1 - t / T, 0) ** p,
        lambda t, s: t / (1 - s ** (1 / p)),
    )


SHAPES: list[Shape] = [
    (
        "a cosine over {} steps",
        lambda t, T: (1 + np.cos(np.pi * np.minimum(t / T, 1))) / 2,
        lambda t, s: math.pi * t / math.acos(2 * s - 1),
    ),
    *map(power, (1.0, 0.9, 2.0, 0.5)),
    ("1 / (1 + {} * t)", lambda t, k: 1 / (1 + k * t), lambda t, s: (1 / s - 1) / t),
    ("1 / sqrt(1 + {} * t)", lambda t, k: (1 + k * t) ** -0.5, lambda t, s: (1 / s**2 - 1) / t),
    ("{}**t", lambda t, g: g**t, lambda t, s: s ** (1 / t)),
    ("1 - {}**t", lambda t, g: 1 - g**t, lambda t, s: (1 - s) ** (1 / t)),
    ("t / {}, at most 1", lambda t, T: np.minimum(1, t / T), lambda t, s: t / s),
]


def factors(
    cls: type[optimizers.Parts], run: Any, tables: Array, steps: int
) -> tuple[Array, Array] | None:
    """For each step the numbers that its decay and its update are multiplied by, by least squares
    over all entries: NaN where there is no decay or update. None if two numbers do not explain a
    step."""
    u = unit_roundoff(run.W.dtype)
    _, bounds = run.truth_and_bound
    grown = np.diff(bounds[:steps].max(axis=(1, 2)), prepend=0)
    optimizer, before, numbers = cls(run.W.copy(), **run.settings), run.W, []
    for dW, after, more in zip(run.gradients, tables, grown, strict=False):
        optimizer.step(W := before.copy(), dW)
        decayed = optimizer.decay(before, dW)
        parts = np.stack([(decayed - before).ravel(), (W - decayed).ravel()]).astype(float)
        if not np.isfinite(parts).all():
            return None
        sizes = np.sqrt((parts * parts).sum(axis=1))
        units = parts / np.where(sizes > 0, sizes, 1)[:, None]
        moved = (after - before).ravel().astype(float)
        share, *_ = np.linalg.lstsq(units.T, moved, rcond=None)
        room = SLACK * (more + 4 * u * float(abs(before).max()))
        if not abs(moved - share @ units).max() <= room:
            return None
        numbers.append(np.where(sizes > 0, share / np.where(sizes > 0, sizes, 1), np.nan))
        before = after
    decay, update = np.array(numbers).T
    return decay, update


def schedule(runs: Sequence[Any], tables: Sequence[Array], base: Chosen = ()) -> Mistake | None:
    """The schedule that, with the mistakes ``base``, makes these tables."""
    if len({run.settings["betas"] for run in runs}) < 2:  # it may depend on them
        return None
    cls = optimizers.build(base)
    longest = max(len(run.gradients) for run in runs)
    decays, updates = np.full((2, len(runs), longest), np.nan)
    try:
        with np.errstate(all="ignore"):
            for steps in (TRIED, longest):
                for k, (run, W) in enumerate(zip(runs, tables, strict=True)):
                    if not np.isfinite(W).all() or not (made := factors(cls, run, W, steps)):
                        return None
                    decays[k, : len(made[0])], updates[k, : len(made[0])] = made
                if one_of(updates) is None or one_of(decays) is None:
                    return None
    except (ValueError, AttributeError, np.linalg.LinAlgError):  # not step by step
        return None
    update, decay = one_of(updates), one_of(decays)
    assert update is not None
    assert decay is not None
    if np.ptp(update) + np.ptp(decay) <= ALIKE:
        return None
    for numbers, of, other in (
        (update, "", abs(update - decay)),
        (update, "of the update alone", abs(decay - 1)),
        (decay, "of the decay alone", abs(update - 1)),
    ):
        if (other <= ALIKE).all() and np.ptp(numbers) > ALIKE:
            name = ", ".join(filter(None, ["schedule inside the step", shape_of(numbers), of]))
            entry = next(m for m in optimizers.OPTIMIZERS if name.startswith(m.name))
            return replace(found(name, entry.why, entry.mend), entry=entry.name)
    return None


def one_of(numbers: Array) -> Array | None:
    """The numbers of each step, if they are the same in every run that has them; 1 where none
    has."""
    with np.errstate(all="ignore"):
        some = np.where(np.isnan(numbers), -np.inf, numbers).max(axis=0)
        some = np.where(np.isfinite(some), some, np.nan)
        same = np.isnan(numbers) | (abs(numbers - some) <= ALIKE * np.maximum(1, abs(some)))
    return np.where(np.isnan(some), 1.0, some) if same.all() else None


def shape_of(numbers: Array) -> str:
    """The shape in words, its constant found from one step and confirmed by all others; else the
    first numbers."""
    t = np.arange(len(numbers))
    for (words, at, constant), start in itertools.product(SHAPES, (0, 1)):
        probes = [k for k in (1, 5) if k < len(numbers)]
        for k in probes:
            try:
                exact = constant(float(t[k] + start), float(numbers[k]))
            except (ValueError, ZeroDivisionError, OverflowError):
                continue
            if not (isinstance(exact, float) and math.isfinite(exact) and exact):
                continue
            for digits in (1, 2, 3, 4, 6):
                rounded = float(f"{exact:.{digits}g}")
                with np.errstate(all="ignore"):
                    made = at(t + start, rounded)
                if (abs(made - numbers) <= ALIKE).all():
                    said = words.format(figure(rounded))
                    return said if start == 0 or "t" not in words else f"{said}, t from 1"
    return f"lr times {', '.join(figure(float(f'{x:.3g}')) for x in numbers[:5])} ..."
