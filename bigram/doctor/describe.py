"""Describes an unknown error: which cases are wrong, where, and the smallest of them in full."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bigram.comparator import Row, compare_tensor, differences
from bigram.doctor.cases import REPEATED, Case, Outputs
from common.arrays import Array


def smallest(cases: Sequence[Case], rows: Sequence[tuple[str, Row]]) -> int:
    """The wrong case with the fewest numbers: an ordinary one if there is one."""
    wrong = {name for name, row in rows if not row.fraction_of_bound <= 1}
    return min((i for i, case in enumerate(cases) if case.name in wrong), key=by_size(cases))


def by_size(cases: Sequence[Case]) -> Callable[[int], Any]:
    """A key to sort indices by: ordinary cases first, then by the numbers in each."""
    return lambda i: (cases[i].extreme, cases[i].W.size + 2 * cases[i].idx.size)


def describe_gradient(
    name: str, cases: Sequence[Case], outputs: Outputs, finite: Sequence[int]
) -> list[str]:
    """Lines on one output, ``loss`` or ``dW``."""
    wrong = [
        i
        for i in finite
        if compare_tensor(
            name, outputs[i][name], cases[i].truth[name], cases[i].bound[name]
        ).fraction_of_bound
        > 1
    ]
    if not wrong:
        return []
    lines = [f"{name} is wrong on {len(wrong)} of {len(cases)} cases"]
    right = [i for i in finite if i not in wrong]
    label, some = ("wrong on", wrong) if len(wrong) <= len(right) else ("right only on", right)
    if some:
        names = "; ".join(cases[i].name for i in some[:6])
        lines.append(f"{label}: {names}{' ...' if len(some) > 6 else ''}")
    if changing(name, cases, outputs) and len(wrong) > 1:
        lines.append(
            "two calls with the same arguments gave different results: dropout or another random "
            "draw, or something kept from the call before"
        )
    lines += regular(wrong, cases)
    at = min(wrong, key=by_size(cases))
    case, output, truth = cases[at], outputs[at][name], cases[at].truth[name]
    off = differences(output, truth) > case.bound[name]
    lead = f"on the case '{case.name}'"
    if name == "dW":
        n = np.bincount(case.idx.ravel(), minlength=len(case.W))
        groups = {"never visited": n == 0, "visited once": n == 1, "visited more than once": n > 1}
        hit = [label for label, rows in groups.items() if off[rows].any()]
        lines.append(
            f"{lead} {int(off.sum())} of {off.size} entries are wrong, in rows {', '.join(hit)}"
        )
    if not np.isfinite(output).all():
        return [*lines, f"{lead} {int((~np.isfinite(output)).sum())} values are not finite"]
    large = off & (abs(truth) > 1e-3 * abs(truth).max())
    ratio = np.divide(output, truth, where=large, out=np.zeros(truth.shape))[large]
    if ratio.size and np.ptp(ratio) <= 1e-6 * abs(ratio).max() and abs(ratio - 1).max() > 1e-6:
        lines.append(f"{lead} every wrong {name} is {ratio.flat[0]:.6g} times the right one")
    error = np.asarray(output - truth)[off]
    sign = "all too large" if (error > 0).all() else "of both signs"
    sign = "all too small" if (error < 0).all() else sign
    least, most = f"{abs(error).min():.2g}", f"{abs(error).max():.2g}"
    size = f"{least} to {most}" if error.size > 1 else most
    lines.append(f"{lead} the errors are {sign}, {size}")
    return lines + in_full(name, case, output, truth, off)


def changing(name: str, cases: Sequence[Case], outputs: Outputs) -> bool:
    """Whether the second of two calls with the same arguments gave another result."""
    if len(outputs) < 2 or cases[1].name != REPEATED:
        return False
    first, second = (np.asarray(output[name]) for output in outputs[:2])
    return bool((differences(first, second) > 2 * cases[0].bound[name]).any())


def regular(wrong: Sequence[int], cases: Sequence[Case]) -> list[str]:
    """Whether the calls that are wrong follow each other at even steps, or only the second of two
    is."""
    if [cases[i].name for i in wrong] == [REPEATED]:
        return [
            "only the second call with the same arguments is wrong: something outlives the first"
        ]
    steps = set(np.diff(wrong).tolist())
    if len(wrong) >= 5 and len(steps) == 1 and steps != {1}:
        step = steps.pop()
        return [
            f"every call number {step} is wrong, from call {wrong[0] + 1} on: something counts the "
            "calls"
        ]
    return []


def in_full(name: str, case: Case, output: Array, truth: Array, off: Any) -> list[str]:
    """A small case with its arguments, and yours beside the right one, wrong entries marked."""
    if len(case.W) > 5 or case.idx.size > 12:
        return []
    lines = ["", f"the case '{case.name}' in full"]
    lines += block("W", [[f"{x:.4g}" for x in row] for row in case.W])
    lines += [f"  idx      {case.idx.tolist()}", f"  targets  {case.targets.tolist()}"]
    if name == "loss":
        return [*lines, f"  yours    {float(output):.10g}", f"  right    {float(truth):.10g}"]
    marked = [
        [f"{'>' if wrong else ''}{word_of(x)}" for x, wrong in zip(row, marks, strict=True)]
        for row, marks in zip(output, off, strict=True)
    ]
    return [
        *lines,
        *block("yours", marked),
        *block("right", [[word_of(x) for x in row] for row in truth]),
    ]


def word_of(x: float) -> str:
    """A number in six digits; no number as NaN or inf."""
    return "NaN" if np.isnan(x) else f"{x:.6g}"


def block(name: str, rows: Sequence[Sequence[str]]) -> list[str]:
    """A small matrix, its name in front."""
    width = max(len(x) for row in rows for x in row)
    return [
        f"  {name if k == 0 else '':<8} {'  '.join(x.rjust(width) for x in row)}"
        for k, row in enumerate(rows)
    ]


def describe_runs(runs: Sequence[Any], outputs: Outputs) -> list[str]:
    """Lines on an optimizer: which runs and rows are right, and the first wrong step."""
    wrong = []
    for run, output in zip(runs, outputs, strict=True):
        truth, bound = run.truth_and_bound
        off = ~(differences(output["W"], truth.astype(float)) <= bound)
        if off.any():
            wrong.append((run, output["W"], truth, off))
    names = [run.name for run, *_ in wrong]
    right = [run for run in runs if run.name not in names]
    lines = [f"wrong in the runs: {'; '.join(names)}"]
    if right:
        lines.append(f"right in the runs: {'; '.join(run.name for run in right)}")
        for setting in runs[0].settings:
            used = {repr(run.settings[setting]) for run in right}
            if len(used) == 1 and all(repr(run.settings[setting]) not in used for run, *_ in wrong):
                lines.append(
                    f"right with {setting} = {used.pop()} and wrong with others: is {setting} used?"
                )
    run, W, truth, off = wrong[0]
    step = int(off.any(axis=(1, 2)).argmax())
    bad = off[step]
    rows = np.flatnonzero(bad.any(axis=1))
    absent = ~np.array(run.gradients[: step + 1]).any(axis=(0, 2))
    still = ~np.array(run.gradients[step]).any(axis=1)
    lines.append(
        f"in the run '{run.name}' W is wrong from step {step + 1} on, there in {len(rows)} of "
        f"{len(bad)} rows"
    )
    for label, some in (
        ("never visited so far", absent),
        ("not visited in that step", still & ~absent),
    ):
        if some.any() and bad[some].any() != bad[~some].any():
            lines.append(
                f"rows {label} are {'wrong' if bad[some].any() else 'right'}, the others are not"
            )
    if np.isnan(W).any():
        first, row, column = np.argwhere(np.isnan(W))[0]
        lines.append(f"W is NaN from (step {first + 1}, row {row}, column {column}) on")
    if np.array_equal(W[0], run.W) and np.any(run.gradients[0]):
        lines.append("W stays as it was in the first step, though its gradient is not zero")
    row, column = np.argwhere(bad)[0]
    at = row, column
    return [
        *lines,
        f"at (step {step + 1}, row {row}, column {column})",
        f"  dW       {run.gradients[step][at]:.6g}",
        f"  before   {[run.W, *W][step][at]:.10g}",
        f"  yours    {W[step][at]:.10g}",
        f"  right    {float(truth[step][at]):.10g}",
    ]
