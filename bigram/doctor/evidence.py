"""The doctor's own health: both implementations on every case against every witness, and how much
room each bound leaves: how near correct code comes to it, and how far beyond it the mildest mistake
lies."""

from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import Any

import numpy as np

from bigram.comparator import Row, compare_tensor
from bigram.doctor import gradient, optimizer
from bigram.doctor.cases import Case, Outputs, gradient_cases
from bigram.doctor.intermediates import intermediates
from bigram.doctor.mistakes import gradients, optimizers
from bigram.doctor.optimizer import Run
from bigram.doctor.verdict import Report, worst_of
from bigram.doctor.witnesses import autograd, taylor_order
from common.arrays import Array
from impl_numpy import cross_entropy, pair_counts, stepwise
from impl_numpy.adamw import AdamW

FORMS: dict[str, gradients.Gradient] = {
    "NumPy stepwise": stepwise.loss_and_gradient,
    "NumPy fused": cross_entropy.loss_and_gradient,
    "NumPy pair counts": pair_counts.loss_and_gradient,
    "torch autograd": autograd,
}


def evidence() -> dict[str, Any]:
    """Every table of ``bigram check`` without a subject, ready for JSON. Needs torch."""
    import_module("torch")  # first of all, for only where it is loaded is it a witness
    gradients: list[dict[str, Any]] = []
    optimizers: list[dict[str, Any]] = []
    steps: list[dict[str, Any]] = []
    margins: list[dict[str, Any]] = []
    reports: dict[tuple[str, str], Report] = {}
    for dtype in ("float64", "float32"):
        cases, runs = gradient_cases(dtype), optimizer.optimizer_runs(dtype)
        here = {
            name: gradient.judge_gradient(name, cases, outputs_of(form, cases))
            for name, form in FORMS.items()
        }
        for name, report in here.items():
            loss, dW = (
                worst_of([row for _, row in report.rows if row.name == of]) for of in ("loss", "dW")
            )
            gradients.append(
                {
                    "implementation": name,
                    "dtype": dtype,
                    "loss_fraction_of_bound": loss.fraction_of_bound,
                    "dW_fraction_of_bound": dW.fraction_of_bound,
                    "dW_max_abs": dW.max_abs,
                }
            )
        steps += [{"dtype": dtype} | row._asdict() for row in worst_intermediates(cases)]
        for name, cls in (("NumPy AdamW", AdamW), ("torch AdamW", TorchAdamW)):
            here[name] = optimizer.judge_optimizer(name, runs, trained(cls, runs))
            optimizers += [
                {
                    "implementation": name,
                    "dtype": dtype,
                    "run": run,
                    "fraction_of_bound": row.fraction_of_bound,
                }
                for run, row in here[name].rows
            ]
        margins += margins_of(dtype, cases, runs, here.values())
        reports |= {(name, dtype): report for name, report in here.items()}

    worst = max(reports.values(), key=lambda report: report.worst[1].fraction_of_bound)
    holds = all(report.verdict == "correct" for report in reports.values())
    return reports["NumPy pair counts", "float64"].record() | {
        "subject": "impl_numpy and impl_torch",
        "verdict": "correct"
        if holds and all(row["fraction_of_bound"] <= 1 for row in steps)
        else "wrong",
        "worst": worst.record()["worst"] | {"implementation": worst.subject},
        "gradients": gradients,
        "intermediates": steps,
        "optimizers": optimizers,
        "taylor_order": taylor(),
        "margins": margins,
    }


def outputs_of(form: gradients.Gradient, cases: list[Case]) -> Outputs:
    """The results of ``form`` on every case."""
    made = (form(case.W, case.idx, case.targets) for case in cases)
    return [{"loss": np.asarray(loss), "dW": dW} for loss, dW in made]


def trained(cls: Callable[..., Any], runs: list[Run]) -> Outputs:
    """The table after every step of every run."""
    outputs = []
    for run in runs:
        W, history = run.W.copy(), []
        optimizer = cls(W, **run.settings)
        for dW in run.gradients:
            optimizer.step(W, dW)
            history.append(W.copy())
        outputs.append({"W": np.array(history)})
    return outputs


class TorchAdamW:
    """``torch.optim.AdamW`` behind the interface of ``impl_numpy.adamw.AdamW``."""

    def __init__(self, W: Array, **settings: Any) -> None:
        import torch

        self.weight = torch.nn.Parameter(torch.from_numpy(W))  # the same memory: it trains W itself
        self.optimizer = torch.optim.AdamW([self.weight], **settings)

    def step(self, W: Array, dW: Array) -> None:
        """One update of the W that it was made with."""
        import torch

        self.weight.grad = torch.from_numpy(dW.copy())
        self.optimizer.step()


def worst_intermediates(cases: list[Case]) -> list[Row]:
    """Every intermediate of ``stepwise`` and its gradient, against torch's: the worst of all
    cases."""
    rows = (intermediates(case.W, case.idx, case.targets) for case in cases)
    return [worst_of(same) for same in zip(*rows, strict=True)]


def margins_of(
    dtype: str, cases: list[Case], runs: list[Run], reports: Iterable[Report]
) -> Iterator[dict[str, Any]]:
    """For each bound: the most that correct code uses of it, and the mistake that goes least
    beyond."""
    make = gradient.gradient_maker(cases)
    pairs = [(case.truth, case.bound) for case in cases]
    run_pairs = [
        ({"W": truth}, {"W": bound}) for truth, bound in (run.truth_and_bound for run in runs)
    ]
    rows = [row for report in reports for _, row in report.rows]
    for of, catalogue, maker, judged_by in (
        ("loss", gradients.LOSSES, make, pairs),
        ("dW", gradients.GRADIENTS, make, pairs),
        ("W", optimizers.OPTIMIZERS, optimizer.run_maker(runs), run_pairs),
    ):
        beyond = {
            mistake.name: max(
                compare_tensor(of, made[of], truth[of], bound[of]).fraction_of_bound
                for made, (truth, bound) in zip(maker([mistake]), judged_by, strict=True)
            )
            for mistake in catalogue
            # One with a number lies as far as the number says; in float32 it is none to lose
            # digits.
            if not mistake.amounts and not (dtype == "float32" and mistake.precision)
        }
        mildest = min(beyond, key=beyond.__getitem__)
        yield {
            "bound": of,
            "dtype": dtype,
            "residual": max(row.fraction_of_bound for row in rows if row.name == of),
            "mistakes": len(beyond),
            "nearest_mistake": mildest,
            "nearest_mistake_fraction": beyond[mildest],
        }


def taylor() -> list[dict[str, Any]]:
    """The order of the Taylor remainder for the right gradient and for three wrong ones, at a
    random table: the blunt tool, which sees a scale or a lost row, and not an error of 1e-9."""
    case = gradient_cases("float64")[0]
    direction = np.random.default_rng(22).standard_normal(case.W.shape)
    by_name = {mistake.name: mistake for mistake in gradients.GRADIENTS}
    chosen = [
        "",
        "sum instead of mean",
        "repeated ids lost",
        "eps inside the log",
        "one entry off by 1e-9",
    ]
    return [
        {
            "gradient": name or "right",
            "order": taylor_order(
                gradients.build([by_name[name]] if name else []),
                case.W,
                case.idx,
                case.targets,
                direction,
            ),
        }
        for name in chosen
    ]
