"""Proves that right code in the interfaces that people have gets no false alarm: every file of
``tests/people/*_right``, in both dtypes, in this process and in a separate one. The report says how
it was called."""

import dataclasses
import importlib.util
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

import bigram
from bigram.doctor.interfaces import bind
from impl_numpy import AdamW
from impl_numpy.pair_counts import loss_and_gradient as right
from tests.kit import ROOT, one_in

FILES = sorted((ROOT / "tests" / "people").glob("*_right/*.py"))
# Of these nothing is known of the arguments by name: a line says what to write instead.
ADAPTED = {
    "torch_states_and_hyperparams": "it cannot be given states, hyperparams; write class Adapter:"
}


def head(path: Path, field: str) -> str:
    """A field of the head of the file, or nothing."""
    found = re.search(rf"^# {field}: (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else ""


def needs(path: Path) -> list[str]:
    return [name for name in head(path, "needs").split(", ") if name not in ("", "none")]


def assert_no_false_alarm(path: Path, dtype: str, isolate: bool) -> None:
    for package in needs(path):
        if not importlib.util.find_spec(package):
            pytest.skip(f"{package} is not installed")
    check: Any = bigram.check_optimizer if path.parent.name == "optimizers_right" else bigram.check
    subject = f"{path}:{head(path, 'call')}"
    if path.stem in ADAPTED:
        with pytest.raises(bigram.UserError, match=ADAPTED[path.stem]):
            check(subject, dtype=dtype, isolate=isolate, limit=300.0)
        return
    result = check(subject, dtype=dtype, isolate=isolate, limit=300.0)
    assert result.verdict == "correct", str(result)


def test_the_files_are_there() -> None:
    assert sum(path.parent.name == "gradients_right" for path in FILES) >= 40
    assert sum(path.parent.name == "optimizers_right" for path in FILES) >= 30


@pytest.mark.parametrize(
    "path", one_in(8, [path for path in FILES if not needs(path)]), ids=lambda path: path.stem
)
def test_right_code_of_numpy_alone_gets_no_false_alarm(path: Path) -> None:
    # each in one of the two here, in both when slow
    dtype = "float32" if len(path.stem) % 2 else "float64"
    assert_no_false_alarm(path, dtype, isolate=False)


@pytest.mark.slow
@pytest.mark.parametrize("isolate", [False, True], ids=["here", "isolated"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_right_code_gets_no_false_alarm(path: Path, dtype: str, isolate: bool) -> None:
    assert_no_false_alarm(path, dtype, isolate)


@dataclasses.dataclass
class Answer:
    dW: Any
    loss: float


class Named(NamedTuple):
    grad: Any
    cost: float


@pytest.mark.parametrize(
    ("function", "called"),
    one_in(
        3,
        [
            (lambda idx, targets, W: right(W, idx, targets), "(idx, targets, W)"),
            (lambda y, x, table: right(table, x, y), "(y=targets, x=idx, table=W)"),
            (
                lambda *, labels, weights, inputs: right(weights, inputs, labels),
                "(labels=targets, weights=W, inputs=idx)",
            ),
            (lambda a, b, c: right(a, idx=b, targets=c), "(a=W, b=idx, c=targets)"),
            (lambda *given: right(*given[:3]), "(W, idx, targets)"),
            (lambda params, batch: right(params, *batch), "(params=W, batch=(idx, targets))"),
            (
                lambda W, x, y, vocab_size: right(W[:vocab_size], x, y),
                "(W, x=idx, y=targets, vocab_size=V)",
            ),
            (lambda x, idx, targets, flag=True: right(x, idx, targets), "(x=W, idx, targets)"),
            (lambda W, x, y: right(W, x, y)[::-1], "; loss is answer[1], dW is answer[0]"),
            (lambda W, x, y: (*right(W, x, y), W[x], {"more": 1}), "(W, x=idx, y=targets)"),
            (
                lambda W, x, y: dict(zip(["loss", "dW"], right(W, x, y), strict=True)),
                "loss is answer['loss']",
            ),
            (lambda W, x, y: Answer(*right(W, x, y)[::-1]), "dW is answer['dW']"),
            (
                lambda W, x, y: Named(*right(W, x, y)[::-1]),
                "loss is answer['cost'], dW is answer['grad']",
            ),
            (
                lambda W, x, y: SimpleNamespace(
                    value=right(W, x, y)[0], gradient=right(W, x, y)[1]
                ),
                "answer['gradient']",
            ),
            (lambda W, x, y: (right(W, x, y)[0], {"W": right(W, x, y)[1]}), "dW is answer[1]['W']"),
            (lambda W, x, y: (right(W, x, y)[0], [right(W, x, y)[1]]), "dW is answer[1][0]"),
            (
                lambda W, x, y: (right(W, x, y)[0], right(W, x, y)[1].ravel()),
                "its dW of shape (81,) is read row by row",
            ),
            (
                lambda W, x, y: (np.array(right(W, x, y)[0]), right(W, x, y)[1].tolist()),
                "(W, x=idx, y=targets)",
            ),
            (
                lambda W, x, y: {"W": W.copy(), "nll": right(W, x, y)[0], "dW": right(W, x, y)[1]},
                "dW is answer['dW']",
            ),
            (
                lambda W, x, y: (right(W, x, y)[0], right(W, x, y)[1], W * 2),
                "several arrays have dW's size; answer[1] is",
            ),
        ],
    ),
)
def test_how_a_function_was_called_and_read_is_said(function: Any, called: str) -> None:
    result = bigram.check(function)
    assert result, str(result)
    assert result.called.startswith("<lambda>(")
    assert called in result.called


def test_the_same_array_for_every_answer_is_read_in_time() -> None:
    buffers: dict[Any, Any] = {}

    def reuses(W: Any, idx: Any, targets: Any) -> Any:
        loss, dW = right(W, idx, targets)
        buffer = buffers.setdefault((dW.shape, dW.dtype), dW)
        buffer[...] = dW
        return loss, buffer

    assert bigram.check(reuses)


def test_underflow_that_is_made_an_error_is_let_pass_and_said() -> None:
    def strict(W: Any, idx: Any, targets: Any) -> Any:
        return right(W, idx, targets)

    with np.errstate(all="raise"):
        result = bigram.check(strict)
    assert result, str(result)
    assert "underflow, which np.seterr made an error, was let pass" in result.called


def test_tensors_are_given_where_tensors_are_wanted() -> None:
    torch = pytest.importorskip("torch")

    def wants(W: Any, idx: Any, targets: Any) -> Any:
        W = W.clone().requires_grad_()
        loss = torch.nn.functional.cross_entropy(W[idx].view(-1, W.shape[1]), targets.view(-1))
        loss.backward()
        return loss, W.grad.to_sparse()

    def fills(W: Any, idx: Any, targets: Any) -> Any:
        loss = torch.nn.functional.cross_entropy(W[idx].flatten(0, 1), targets.flatten())
        loss.backward()
        return loss

    for function, said in ((wants, "arrays of torch"), (fills, "dW is read from W.grad")):
        for like in (None, "torch"):
            result = bigram.check(function, like=like)
            assert result, str(result)
            assert said in result.called
    with_numpy = bigram.check(wants, like="numpy")
    assert with_numpy.complaint
    assert "'numpy.ndarray' object has no attribute 'clone'" in with_numpy.complaint


@pytest.mark.slow
def test_a_wrong_function_is_as_wrong_in_every_interface() -> None:
    def summed(*, labels: Any, weights: Any, inputs: Any) -> Any:
        loss, dW = right(weights, inputs, labels)
        return {"grads": {"W": dW.ravel() * inputs.size}, "loss": loss}

    assert bigram.check(summed).diagnosis == ["sum instead of mean"]

    def swapped(w: Any, dw: Any, config: Any = None) -> Any:
        if config is None:
            config = {
                "learning_rate": 1e-3,
                "beta1": 0.9,
                "beta2": 0.999,
                "epsilon": 1e-8,
                "wd": 1e-2,
            }
        if "inner" not in config:
            betas = config["beta2"], config["beta1"]
            config["inner"] = AdamW(
                w, config["learning_rate"], betas, config["epsilon"], config["wd"]
            )
        w = w.copy()
        config["inner"].step(w, dw)
        return w, config

    class Swapped(AdamW):
        def __init__(
            self, params: Any, lr: float, b1: float, b2: float, epsilon: float, lam: float
        ) -> None:
            super().__init__(params, lr, (b2, b1), epsilon, lam)
            self.table = params

        def step(self, g: Any) -> None:  # type: ignore[override]
            super().step(self.table, g)

    assert bigram.check_optimizer(Swapped).diagnosis == ["betas swapped"]
    assert not bigram.check_optimizer(swapped)


def test_names_win_over_positions_and_the_commonest_name_over_others() -> None:
    binding = bind(lambda x, idx, targets: None)
    assert binding.positional == ("W", "idx", "targets")
    binding = bind(lambda data, labels, theta: None)
    assert binding.positional == ("idx", "targets", "W")
    binding = bind(lambda W, first=None, *, y, x: None)
    assert (binding.positional, binding.keyword) == (("W",), {"y": "targets", "x": "idx"})
