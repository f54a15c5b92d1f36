"""Runs the reader's own function or class, in a process of its own: whatever it does there, raise, hang,
crash or print, the answer here is a result or one line that says what happened.

The other half of this file, ``main``, is what that process runs.
"""

import contextlib
import importlib
import importlib.util
import inspect
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from common.errors import UserError

# torch.optim.AdamW's own.
DEFAULTS: dict[str, Any] = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 1e-2}


class Complaint(NamedTuple):
    """What went wrong before there was a number to judge."""

    what: str


class Declined(NamedTuple):
    """A run that was not made, because the class cannot be told its settings."""

    what: str


class CannotBeTold(TypeError):
    """The class takes no such argument."""


class GradientCall(NamedTuple):
    """One call of ``function(W, idx, targets)``. ``wanted``: what it returns, "loss", "dW" or both."""

    W: NDArray
    idx: NDArray
    targets: NDArray
    wanted: tuple[str, ...]

    def run(self, function: Callable[..., Any]) -> dict[str, NDArray] | Complaint:
        """Calls it, and looks at what it returned and at what it did to its arguments."""
        arguments = {"W": self.W, "idx": self.idx, "targets": self.targets}
        before = {name: array.copy() for name, array in arguments.items()}
        returned = function(*arguments.values())
        for name, array in arguments.items():
            if not np.array_equal(array, before[name], equal_nan=True):
                return Complaint(f"it changed {name}, which it was only to read")
        if len(self.wanted) == 1 and not isinstance(returned, tuple):
            returned = (returned,)
        elif len(self.wanted) == 1 and len(returned) == 2:
            returned = (returned[self.wanted == ("dW",)],)
        if not isinstance(returned, tuple | list) or len(returned) != len(self.wanted):
            alone = "; --loss-only and --gradient-only are for one of them" if len(self.wanted) == 2 else ""
            return Complaint(f"it returned {type(returned).__name__}, not ({', '.join(self.wanted)}){alone}")
        arrays = {name: as_array(value) for name, value in zip(self.wanted, returned, strict=True)}
        for name, shape in (("loss", ()), ("dW", self.W.shape)):
            if name not in arrays:
                continue
            if name == "loss" and arrays[name].size == 1:
                arrays[name] = arrays[name].reshape(())
            if arrays[name].shape != shape:
                expected = f"an array of shape {shape}" if shape else "one number"
                return Complaint(f"its {name} has shape {arrays[name].shape}, not {expected}")
            if arrays[name].dtype.kind not in "fiu":
                return Complaint(f"its {name} holds {arrays[name].dtype}, not real numbers")
        return arrays


class OptimizerRun(NamedTuple):
    """One training run: ``CLASS(W, lr=...)`` or ``CLASS(lr=...)``, and ``step(W, dW)`` for each gradient."""

    W: NDArray
    gradients: Sequence[NDArray]
    settings: dict[str, Any]

    def run(self, cls: Callable[..., Any]) -> dict[str, NDArray] | Complaint | Declined:
        """The table after every step, (steps, V, V)."""
        W = self.W.copy()
        history: list[NDArray] = []
        try:
            optimizer = construct(cls, W, self.settings)
        except CannotBeTold as error:
            return Declined(str(error))
        for dW in self.gradients:
            given, before = dW.copy(), W.copy()
            returned = optimizer.step(W, given)
            if not np.array_equal(given, dW):
                return Complaint("it changed dW, which it was only to read")
            if returned is not None:
                W = as_array(returned).astype(W.dtype)
            elif not history and np.array_equal(W, before):
                return Complaint(
                    "its step returned nothing and left W as it was; change W in place: W -= ..."
                )
            if W.shape != dW.shape:
                return Complaint(f"its table has shape {W.shape} after a step, not {dW.shape}")
            history.append(W.copy())
        return {"W": np.array(history)}


def construct(cls: Callable[..., Any], W: NDArray, settings: dict[str, Any]) -> Any:
    """Hands ``cls`` what it takes by name of ``W`` and the ``settings``; ``betas`` may be taken as ``beta1``
    and ``beta2``. What it does not take it must have as torch's default, or ``CannotBeTold`` is raised."""
    parameters = inspect.signature(cls).parameters
    anything = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    beta1, beta2 = settings.get("betas", (0.9, 0.999))
    offered = {"W": W, **settings}
    if "beta1" in parameters:
        offered |= {"beta1": beta1, "beta2": beta2}
    taken = {name: value for name, value in offered.items() if name in parameters or anything}
    told = {*taken, "betas"} if "beta1" in taken else set(taken)
    lost = [name for name, value in settings.items() if name not in told and value != DEFAULTS[name]]
    if lost:
        raise CannotBeTold(f"it takes no {' or '.join(lost)}")
    needed = [n for n, p in parameters.items() if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    if needed and needed[0] not in taken:  # the first argument is the table, whatever its name
        return cls(W, **{name: value for name, value in taken.items() if name != "W"})
    return cls(**taken)


def as_array(value: Any) -> NDArray:
    """A NumPy array from whatever behaves like one: torch tensors with their graph or on a GPU, CuPy, JAX."""
    for leave in ("detach", "cpu", "get"):
        if not isinstance(value, np.ndarray | np.generic) and callable(getattr(value, leave, None)):
            value = getattr(value, leave)()
    return np.asarray(value)


def run_apart(
    subject: str, calls: Sequence[Any], limit: float
) -> Iterator[dict[str, NDArray] | Complaint | Declined]:
    """Runs every call in a fresh process, one answer each, in order; ends at the first complaint.

    ``subject``: "PATH.py:NAME" or "module:name". ``limit``: seconds for each call, and for the import.
    Raises ``UserError`` if there is no such thing.
    """
    context = multiprocessing.get_context("spawn")  # a clean interpreter: no threads or state of ours
    here, there = context.Pipe()
    process = context.Process(target=main, args=(subject, there))
    with _ctrl_c_ignored():  # inherited: at a terminal both are sent it, and one of them can answer
        process.start()
    there.close()
    try:
        loaded = _answer(here, process, max(limit, 60.0))
        if isinstance(loaded, Complaint):
            raise UserError(f"{subject}: {loaded.what}")
        for call in calls:
            with contextlib.suppress(OSError):  # it may have died since: the answer will say so
                here.send(call)
            answer = _answer(here, process, limit)
            yield answer
            if isinstance(answer, Complaint):
                return
    finally:
        process.kill()
        process.join()
        here.close()


@contextlib.contextmanager
def _ctrl_c_ignored() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # which alone may say so
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _answer(pipe: Connection, process: Any, limit: float) -> Any:
    try:
        if pipe.poll(limit):
            return pipe.recv()
        return Complaint(f"it ran longer than {limit:g} s")
    except (EOFError, OSError):
        process.join(5)
        return Complaint(f"it ended the process (exit status {process.exitcode})")


def main(subject: str, pipe: Connection) -> None:
    """The process of the reader's code: loads it, then answers calls until nobody asks any more."""
    os.dup2(2, 1)  # whatever it prints, from C too, goes to stderr: stdout is for the result
    try:
        _answer_calls(subject, pipe)
    except (EOFError, KeyboardInterrupt):  # nobody asks any more
        pass
    except OSError:  # the reader's code closed the pipe, which would be complained of on the way out
        os._exit(1)


def _answer_calls(subject: str, pipe: Connection) -> None:
    own = os.getpid()
    try:
        function = load(subject)
    except BaseException as error:
        pipe.send(Complaint(_one_line(error, "could not be loaded: ")))
        return
    pipe.send(None)
    while True:
        call = pipe.recv()
        try:
            answer = call.run(function)
        except BaseException as error:
            answer = Complaint(_one_line(error, "it raised "))
        if os.getpid() != own:  # it forked, and this is the other one
            os._exit(0)
        pipe.send(answer)


def load(subject: str) -> Callable[..., Any]:
    """The function or class that ``subject`` names. Raises ``UserError`` if it names none."""
    place, colon, name = subject.rpartition(":")
    if not (place and colon and name):
        raise UserError("name it as PATH.py:FUNCTION or module:function")
    if place.endswith(".py"):
        path = Path(place)
        if not path.is_file():
            raise UserError(f"there is no file {place}")
        sys.path.append(str(path.parent.resolve()))
        # Under a name of its own: a reader's numpy.py or common.py must not take another's place.
        spec = importlib.util.spec_from_file_location(f"subject_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[module.__name__] = module
        spec.loader.exec_module(module)
    else:
        sys.path.insert(0, str(Path.cwd()))
        module = importlib.import_module(place)
    found = getattr(module, name, None)
    if not callable(found):
        names = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]
        raise UserError(f"{place} has no function {name}; it has {', '.join(names[:8]) or 'none'}")
    return found


def _one_line(error: BaseException, lead: str) -> str:
    try:
        text = " ".join(str(error).split())
    except Exception:  # its own message may be what fails
        text = ""
    if isinstance(error, UserError):
        return text[:500]
    # The line in the reader's own file, not in a library that it called.
    lines = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_readers(frame.filename)]
    where = f" (line {lines[-1].lineno} of {Path(lines[-1].filename).name})" if lines else ""
    name = " ".join(type(error).__name__.split())
    return f"{lead}{name}{': ' if text else ''}{text[:200]}{where}"


def _is_readers(filename: str) -> bool:
    installed = ("site-packages", "dist-packages", str(Path(contextlib.__file__).parent), "<frozen")
    return filename != __file__ and not any(part in filename for part in installed)
