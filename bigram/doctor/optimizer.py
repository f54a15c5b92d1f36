"""The doctor for optimizers: is this AdamW right, and if not, which mistake is in it?

A single step cannot tell: after one, swapped betas or rows left out are within a rounding of the
right thing. So the reader's class makes whole runs, on gradients that do not depend on the table,
and the table is judged after every step. Verdict and diagnosis go as in ``gradient.py``.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from bigram.bounds import unit_roundoff
from bigram.comparator import compare_tensor, differences
from bigram.doctor import schedules, traces
from bigram.doctor.cases import Outputs
from bigram.doctor.describe import describe_runs
from bigram.doctor.diagnosis import Chosen, Observed, Search, atoms_of, said
from bigram.doctor.mistakes import optimizers
from bigram.doctor.mistakes.stages import Mistake
from bigram.doctor.optimizer_forms import DEFAULTS
from bigram.doctor.verdict import Report, case_of
from common.arrays import Array


@dataclass(frozen=True, eq=False)
class Run:
    """Gradients given in advance, so that no step can make up for another's error."""

    name: str
    W: Array
    gradients: list[Array]
    settings: dict[str, Any]

    @cached_property
    def truth_and_bound(self) -> tuple[Array, Array]:
        """W after every step in the longest floating-point type, (steps, V, V), and the largest
        error of a correct step in W's own dtype, in any order of operations.

        To first order in u, with E the error of the indexed quantity, each step adds:

            E_m    = beta1 E_m                                  m0: the mean before the step;
                     + 6 u (|m| + (1 - beta1) (|g| + |m0|))     three roundings, twice for others
            E_v    = beta2 E_v + 8 (u v + least)                least: the smallest positive number
            E_root = root (E_v / (2 v) + 6 u)                   root = sqrt(v / (1 - beta2**t))
            E_W    = E_W + lr E_m / ((1 - beta1**t) den)        den = root + eps
                     + |step| (E_root / den + 10 u + c) + 3 u (|W| + |step|)

        where c = u (t + 2) (beta1**t / (1 - beta1**t) + beta2**t / (1 - beta2**t)) is for powers of
        the betas that are kept as a running product, and for their subtraction from 1.
        """
        # on some machines no longer than float64, and then as wrong as the run itself
        longest = np.longdouble
        u = unit_roundoff(self.W.dtype) + unit_roundoff(longest)
        least = float(np.finfo(self.W.dtype).smallest_subnormal)
        optimizer = optimizers.build()(W := self.W.astype(longest), **self.settings)
        beta1, beta2 = optimizer.beta1, optimizer.beta2
        E_m, E_v, E_W = (np.zeros(W.shape) for _ in range(3))
        truth, bound = [], []
        for t, dW in enumerate(self.gradients, start=1):
            g, m0 = dW.astype(longest), abs(optimizer.m)
            optimizer.step(W, g)
            m, v = abs(optimizer.m), optimizer.v
            E_m = beta1 * E_m + 6 * u * (m + (1 - beta1) * (abs(g) + m0))
            E_v = beta2 * E_v + 8 * (u * v + least)
            root = np.sqrt(v / (1 - beta2**t))
            den = root + optimizer.eps
            E_root = root * (np.divide(E_v, 2 * v, where=v > 0, out=np.zeros_like(v)) + 6 * u)
            step = optimizer.lr * m / (1 - beta1**t) / den
            c = u * (t + 2) * (beta1**t / (1 - beta1**t) + beta2**t / (1 - beta2**t))
            from_m = optimizer.lr * E_m / (1 - beta1**t) / den
            E_W = E_W + from_m + step * (E_root / den + 10 * u + c)
            E_W = E_W + 3 * u * (abs(W) + step)
            truth.append(W.copy())
            bound.append(E_W.astype(np.float64))
        return np.array(truth), np.array(bound)


def optimizer_runs(dtype: str) -> list[Run]:
    """Rows that come and go, one that never comes, gradients from 30 down to the size of eps; short
    and long; at torch's defaults and at others, where each hyperparameter shows, zero among
    them. Two runs have other gradients at the same step."""
    rng = np.random.default_rng(21)
    rows, columns, steps = 12, 5, 1200
    W = rng.standard_normal((rows, columns)).astype(dtype)
    size = 10.0 ** (1.5 - np.arange(rows) / 1.2)[:, None]
    visited = rng.random((steps, rows, 1)) < 0.4
    visited[:, 0] = False
    visited[0, 1:] = True
    visited = np.broadcast_to(visited, (steps, rows, columns)).copy()
    visited[1:, 3::4, 2] = False  # entries without a gradient, in rows that have one
    gradients = list(
        ((rng.standard_normal((steps, rows, columns)) + 0.2) * size * visited).astype(dtype)
    )
    return [
        Run("ten steps", W, gradients[:10], DEFAULTS),
        Run("torch's defaults", W, gradients, DEFAULTS),
        Run(
            "large rate, decay", W, gradients[300:600], DEFAULTS | {"lr": 1e-2, "weight_decay": 0.5}
        ),
        Run("other betas", W, gradients[600:900], DEFAULTS | {"betas": (0.4, 0.9)}),
        Run("large eps", W, gradients[:300], DEFAULTS | {"eps": 1e-3}),
        Run(
            "no decay, no memory",
            W,
            gradients[:300],
            DEFAULTS | {"weight_decay": 0.0, "betas": (0.0, 0.9)},
        ),
    ]


def run_of(cls: type[optimizers.Parts], run: Run, steps: int, many: int = 0) -> Array:
    """The table after every step: (steps, V, V), or with ``many`` amounts at once (many, steps, V,
    V)."""
    W = np.broadcast_to(run.W, (many, *run.W.shape)).copy() if many else run.W.copy()
    optimizer, gradients = cls(W, **run.settings), run.gradients[:steps]
    history = np.empty((len(gradients), *W.shape), W.dtype)
    with np.errstate(all="ignore"):
        for after, dW in zip(history, gradients, strict=True):
            optimizer.step(W, dW)
            after[...] = W
    return history.swapaxes(0, 1) if many else history


def run_maker(runs: Sequence[Run]) -> Callable[[Iterable[Mistake]], Iterator[dict[str, Array]]]:
    """A function from mistakes to the tables that they train."""

    def make(chosen: Iterable[Mistake]) -> Iterator[dict[str, Array]]:
        cls = optimizers.build(chosen)
        for run in runs:
            yield {"W": run_of(cls, run, len(run.gradients))}

    return make


def judge_optimizer(
    subject: str,
    runs: list[Run],
    outputs: Outputs,
    complaint: str | None = None,
    not_tried: Sequence[str] = (),
) -> Report:
    """Holds the tables of the runs against the truth, after every step."""
    rows = [
        (run.name, compare_tensor("W", output["W"], *run.truth_and_bound))
        for run, output in zip(runs, outputs, strict=True)
    ]
    report = Report(subject, complaint, rows, [], [], [], list(not_tried))
    if not report.wrong:
        return report
    diagnosis, notes = named(runs, outputs, unit_roundoff(runs[0].W.dtype))
    pattern = [] if diagnosis else describe_runs(runs, outputs)
    name = report.wrong[0][0]
    run, output = next((r, o) for r, o in zip(runs, outputs, strict=True) if r.name == name)
    arguments = {"W": run.W, "dW": np.array(run.gradients[:10])}
    case = case_of(
        arguments, {"W": output["W"][:10]}, {"W": run.truth_and_bound[0][:10].astype(run.W.dtype)}
    )
    return replace(report, diagnosis=diagnosis, pattern=pattern, notes=notes, case=case)


SHORT = 40  # steps that tell nearly all mistakes apart, and cost little
FIRST = 3  # steps that rule out most guesses


def named(runs: Sequence[Run], outputs: Outputs, u: float) -> tuple[list[Mistake], list[str]]:
    """The mistakes that make just these tables: tried on the beginnings of the runs, then on
    all."""
    lengths = [(k, FIRST) for k in range(len(runs))]
    lengths += [(k, min(SHORT, len(run.gradients))) for k, run in enumerate(runs)]
    lengths += [(k, len(run.gradients)) for k, run in enumerate(runs) if len(run.gradients) > SHORT]
    observed = Observed(
        [outputs[k]["W"][:steps].astype(float) for k, steps in lengths],
        [runs[k].truth_and_bound[0][:steps].astype(float) for k, steps in lengths],
        [runs[k].truth_and_bound[1][:steps] for k, steps in lengths],
        u,
    )
    latest: Any = None  # the last that remember, their class, and the runs that it has made

    def make(chosen: Chosen, i: int) -> Array:
        nonlocal latest
        k, steps = lengths[i]
        if not any(m.remembers for m in chosen):
            numbers = (np.size(m.chosen[0]) for m in chosen if m.amounts)
            many = next((count for count in numbers if count > 1), 0)
            return run_of(optimizers.build(chosen), runs[k], steps, many)
        if latest is None or latest[0] is not chosen:
            latest = chosen, optimizers.build(chosen), []
        _, cls, made = latest
        for run in runs[len(made) : k + 1]:  # every run to its end, one after the other
            made.append(run_of(cls, run, len(run.gradients)))
        return made[k][:steps]

    usable = [i for i, output in enumerate(observed.outputs) if np.isfinite(output).all()]
    atoms = atoms_of(optimizers.OPTIMIZERS)
    if not usable:
        for chosen in atoms:
            if not any(m.amounts for m in chosen):
                made, output = make(chosen, 0), observed.outputs[0]
                room = observed.room(0, np.nan_to_num(made))
                if np.allclose(made, output, rtol=0, atol=room, equal_nan=True):
                    return said(chosen), []
        return traces.not_a_number_from_the_first_step(outputs), []
    search = Search(observed, make, usable, cost=lambda i: lengths[i][1] * (1 + i / 100))
    fits = search.singles(atoms)
    tables = [output["W"] for output in outputs]
    if not fits and (
        trace := traces.low_precision_state(runs, tables) or schedules.schedule(runs, tables)
    ):
        return [trace], []
    fits = fits or search.pairs(atoms)
    if not fits:
        return said(with_a_trace(runs, tables, atoms)), []
    best, *others = (fit.mistakes for fit in fits)
    notes = [
        f"or: {' and '.join(m.name for m in said(other))}. No run tells them apart."
        for other in others[:1]
        if len(other) == len(best) and not any(m.amounts for m in (*best, *other))
    ]
    return said(best), notes


def with_a_trace(
    runs: Sequence[Run], tables: Sequence[Array], atoms: Iterable[Chosen]
) -> list[Mistake]:
    """A mistake of the catalogue together with one that only leaves traces; none if there are two
    such pairs."""
    pairs = []
    truth, bound = runs[0].truth_and_bound
    for atom in atoms:
        if any(m.amounts or m.remembers or m.precision for m in atom):
            continue
        first = run_of(optimizers.build(atom), runs[0], len(runs[0].gradients))
        if not (differences(first, truth.astype(float)) > bound).any():
            continue  # it would be no other than the trace alone
        trace = schedules.schedule(runs, tables, atom)
        if not trace and traces.low_precision_state(runs[:1], tables[:1], [first]):
            made = [run_of(optimizers.build(atom), run, len(run.gradients)) for run in runs]
            trace = traces.low_precision_state(runs, tables, made)
        if trace:
            pairs.append([*atom, trace])
    return pairs[0] if len(pairs) == 1 else []
