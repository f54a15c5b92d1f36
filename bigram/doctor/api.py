"""The doctor from Python: ``bigram.check(f)``, ``bigram.check_optimizer(cls)``, and the result of
both.

The command line calls the same functions with ``isolate=True``. ``subject.py`` calls the reader's
code, ``gradient.py`` and ``optimizer.py`` judge it.
"""

import html
import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bigram.doctor import gradient, optimizer
from bigram.doctor.cases import gradient_cases
from bigram.doctor.interfaces import Call, SinglePrecision
from bigram.doctor.optimizer_forms import Declined, OptimizerRun
from bigram.doctor.report import check_report, check_verdict
from bigram.doctor.sizes import add_rows, largest, sized_cases
from bigram.doctor.subject import ask, stop_if_loaded
from bigram.terminal import labelled
from common.errors import UserError

__all__ = ["Result", "UserError", "check", "check_optimizer"]

Subject: TypeAlias = str | Callable[..., Any]


class Result:
    """The result of a check. True if the subject is correct; ``print`` shows the report of the
    terminal."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        self._record = dict(record)

    @property
    def verdict(self) -> str:
        """ "correct", "unstable" (right for ordinary logits only) or "wrong"."""
        return str(self._record["verdict"])

    @property
    def diagnosis(self) -> list[str]:
        """The names of the mistakes that explain the numbers."""
        return [found["mistake"] for found in self._record["diagnosis"]]

    @property
    def complaint(self) -> str | None:
        """The line on why the check stopped, or None."""
        complaint: str | None = self._record["complaint"]
        return complaint

    @property
    def called(self) -> str:
        """How the subject was called, and which parts of its answer were read."""
        return str(self._record["called"])

    @property
    def worst(self) -> str | None:
        """The name of the case nearest to its bound, or furthest over it."""
        worst: str | None = self._record["worst"]["case"]
        return worst

    @property
    def case(self) -> dict[str, NDArray[Any]]:
        """The smallest wrong case: ``W``, ``idx``, ``targets``, and each output as ``yours_`` and
        ``right_``. Empty where nothing is wrong."""
        return {name: np.asarray(values) for name, values in self._record.get("case", {}).items()}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes ``case`` as ``.npz``. Raises ``UserError`` where there is none, or no place for
        it."""
        if not self.case:
            raise UserError("there is no wrong case to save")
        try:
            np.savez(path, **self.case)  # type: ignore[arg-type]
        except OSError as error:
            raise UserError(f"cannot write {path}: {error.strerror}; give another file") from error

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One for each witness, and how far from it the subject is, at most."""
        return list(self._record["witnesses"])

    def to_dict(self) -> dict[str, Any]:
        """The object that ``--json`` prints."""
        import json

        from bigram.strict_json import to_json  # turns non-finite numbers into None

        record: dict[str, Any] = json.loads(to_json(self._record))
        return record

    def __bool__(self) -> bool:
        # pytest cuts the repr of an object in an `assert` at 240 characters, but shows all printed
        # lines.
        in_a_test = "pytest" in sys.modules and "PYTEST_CURRENT_TEST" in os.environ
        if self.verdict != "correct" and in_a_test:
            print(self)
        return self.verdict == "correct"

    def __str__(self) -> str:
        return self.report()

    __repr__ = __str__

    def report(self, verbose: bool = False) -> str:
        """The report of the terminal; ``verbose`` adds the table of witnesses."""
        return "\n".join(result_lines(self._record, verbose))

    def _repr_html_(self) -> str:
        colour = {"correct": "#1a7f37", "unstable": "#9a6700", "wrong": "#cf222e"}[self.verdict]
        verdict = html.escape(check_verdict(self._record))
        rows = [("subject", self._record["subject"]), ("called", self._record["called"])]
        rows += [("looked at", self._record["looked_at"])]
        rows += [("stopped", self.complaint)] if self.complaint else []
        for found in self._record["diagnosis"]:
            rows += [("mistake", found["mistake"]), ("why", found["why"]), ("mend", found["mend"])]
        rows += [("seen", line) for line in self._record["pattern"]]
        worst = self._record["worst"]
        if worst["case"] is not None:
            rows.append(("worst", f"{worst['of']} on the case '{worst['case']}'"))
        body = "".join(
            f'<tr><th style="text-align:left">{name}</th>'
            f'<td style="text-align:left">{html.escape(str(text))}</td></tr>'
            for name, text in rows
        )
        caption = f'<caption style="color:{colour};font-weight:bold">{verdict}</caption>'
        return f"<table>{caption}{body}</table>"


def result_lines(record: Mapping[str, Any], verbose: bool = False) -> Iterator[str]:
    """The report, with a line on how the subject was called and one on how far the check looked."""
    verdict, subject, *rest = check_report(record, verbose)
    yield verdict
    yield subject
    yield labelled("called", record["called"])
    yield labelled("looked at", record["looked_at"])
    yield from (labelled("left out", line) for line in record["left_out"])
    yield from rest


def check(
    f: Subject,
    *,
    dtype: str = "float64",
    loss_only: bool = False,
    gradient_only: bool = False,
    limit: float = 10.0,
    isolate: bool = False,
    like: str | None = None,
    W: ArrayLike | None = None,
    idx: ArrayLike | None = None,
    targets: ArrayLike | None = None,
    vocab: int | None = None,
    tokens: int | None = None,
) -> Result:
    """Is this gradient right, and if not, which mistake is in it?

    ``f``: a function ``(W, idx, targets) -> (loss, dW)``, anything that can be called like one, or
    "PATH.py:FUNCTION". W is (V, V) in ``dtype``, idx and targets are (B, T); the loss is the mean
    cross-entropy in nats. ``limit``: seconds for each call. ``isolate``: in a fresh interpreter.
    ``like``: "numpy", "torch" or "jax", the kind of arrays that f is given; found out if None.
    ``W``, ``idx``, ``targets``: the reader's own arrays, judged besides the built-in cases.
    ``vocab``, ``tokens``: a case of that size besides.
    """
    if loss_only and gradient_only:
        raise UserError("give loss_only or gradient_only, not both")
    wanted = ("loss",) if loss_only else ("dW",) if gradient_only else ("loss", "dW")

    def judged(dtype: str) -> dict[str, Any]:
        with usual_errors():
            cases = gradient_cases(dtype)
            sized = sized_cases(W, idx, targets, vocab, tokens, dtype)
        calls = [
            (case.name, Call((case.W, case.idx, case.targets), wanted, like))
            for case in [*cases, *sized]
        ]
        outputs, complaint, called, torch_loaded = ask(f, calls, limit, isolate)
        if torch_loaded:  # there, at least: then it is no loss of time here either
            importlib.import_module("torch")
        with usual_errors():
            built_in = outputs[: len(cases)]
            report = gradient.judge_gradient(name_of_subject(f), cases, built_in, wanted, complaint)
            record = report.record()
            for one, output in zip(sized, outputs[len(cases) :], strict=False):
                add_rows(record, one, one.rows(output, wanted))
        tried = len(outputs)
        V, N = largest([*cases, *sized][: max(tried, 1)])
        return record | {
            "called": called,
            "looked_at": f"{tried} of {len(calls)} cases; largest: V = {V:,}, N = {N:,}; {dtype}",
            "left_out": [f"the witness torch autograd: {why}"] if (why := without_torch()) else [],
        }

    return result_of(judged, dtype, limit, like)


def without_torch() -> str | None:
    """Why torch is no witness here; None if it is one."""
    if "torch" in sys.modules:
        return None
    if not importlib.util.find_spec("torch"):
        return "torch is not installed"
    return "the subject does not load torch; import torch first to hear it"


def check_optimizer(
    cls: Subject,
    *,
    dtype: str = "float64",
    limit: float = 10.0,
    isolate: bool = False,
    like: str | None = None,
) -> Result:
    """Is this AdamW right, and if not, which mistake is in it?

    ``cls``: a class or a factory whose ``step(W, dW)`` changes W in place or returns the new one;
    or one in the form of torch.optim, optax or Keras; or a function of its whole state; or
    "PATH.py:CLASS". Options as for ``check``.
    """

    def judged(dtype: str) -> dict[str, Any]:
        with usual_errors():
            runs = optimizer.optimizer_runs(dtype)
        calls = [(run.name, OptimizerRun(run.W, run.gradients, run.settings, like)) for run in runs]
        answers, complaint, called, _ = ask(cls, calls, limit, isolate)
        made, outputs, not_tried = [], [], []
        for run, answer in zip(runs, answers, strict=False):
            if isinstance(answer, Declined):
                not_tried.append(f"{run.name}: {answer.what}")
            else:
                made.append(run)
                outputs.append(answer)
        with usual_errors():
            report = optimizer.judge_optimizer(
                name_of_subject(cls), made, outputs, complaint, not_tried
            )
        steps = max((len(run.gradients) for run in made), default=0)
        return report.record() | {
            "called": called,
            "looked_at": f"{len(made)} of {len(runs)} runs; longest: {steps:,} steps; {dtype}",
            "left_out": [],
        }

    return result_of(judged, dtype, limit, like)


def result_of(
    judged: Callable[[str], dict[str, Any]],
    dtype: str,
    limit: float,
    like: str | None,
    dtypes: Sequence[str] = ("float64", "float32"),
) -> Result:
    """The result in ``dtype``, or in float32 where the subject's library has no more. Raises
    ``UserError`` where no check could follow from the options."""
    stop_if_loaded()
    if dtype not in dtypes:
        raise UserError(f"dtype is {dtype!r}; it must be {' or '.join(dtypes)}")
    if not 0 < limit <= 86400:
        raise UserError(
            f"limit is {limit}; give a number of seconds above 0 and up to 86400, a day"
        )
    if like not in (None, "numpy", "torch", "jax"):
        raise UserError(f"like is {like!r}; it must be 'numpy', 'torch' or 'jax'")
    try:
        return Result(judged(dtype))
    except SinglePrecision as why:
        record = judged("float32")
        record["looked_at"] += f": judged in {why}"
        return Result(record)


def usual_errors() -> np.errstate:
    """NumPy's own treatment of overflow, which the reader may have changed with ``np.seterr``."""
    return np.errstate(divide="warn", over="warn", invalid="warn", under="ignore")


def name_of_subject(subject: Subject) -> str:
    """The string of the command line, or the module and name of a callable."""
    if isinstance(subject, str):
        return subject
    inner = getattr(subject, "func", subject)  # functools.partial
    name = getattr(inner, "__qualname__", None) or type(inner).__name__
    module = getattr(inner, "__module__", None) or type(inner).__module__
    return str(name) if module in ("__main__", None) else f"{module}:{name}"
