"""How the reader's optimizer is made and stepped: a class or factory with a method, torch.optim's
and optax's ways, or a function of its whole state.

Every form is tried on the first run, the likeliest first; the first that runs and changes the table
is kept for the whole check. Nothing here judges a number.
"""

import functools
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bigram.doctor.interfaces import (
    CannotCall,
    Complaint,
    SinglePrecision,
    as_array,
    convert,
    fields_of,
    kinds,
    leaves,
    match_names,
    message_of,
    narrow,
    plain_name,
    signature_of,
)

# torch.optim.AdamW's own.
DEFAULTS: dict[str, Any] = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 1e-2}

SETTINGS = {
    "lr": "lr learning_rate alpha eta step_size stepsize rate learning_rate_init",
    "betas": "betas",
    "beta1": "beta1 b1 beta_1 decay1 rho1",
    "beta2": "beta2 b2 beta_2 decay2 rho2",
    "eps": "eps epsilon e",
    "weight_decay": "weight_decay wd lam lambda lamb lmbda lambd decay weight_decay_rate",
}
TABLE = {"W": "w params parameters param weights weight theta table w0 x0 variables vars p x"}
SHAPE = {"shape": "shape size dims"}
STEP = {
    "dW": "dw g grad grads gradient gradients dparams d param_grad dtheta updates w_grad delta",
    "state": "state opt_state",
    "W": "w params parameters param weights weight theta table variables p x",
    "pairs": "grads_and_vars grads_and_params pairs",
    "m": "m exp_avg mean mu first_moment momentum",
    "v": "v exp_avg_sq var nu second_moment velocity",
    "t": "t i step iteration it count n",
    "name": "param_name name key",
    "config": "config cfg hyperparams opt_params",
}
ADAPTER = (
    "class Adapter: def __init__(self, W, lr, betas, eps, weight_decay): ...; "
    "def step(self, W, dW): ... changes W in place or returns the new one"
)
# Raised where only the kind of the arrays, or their container, does not fit.
KIND_ALONE = re.compile("ndarray|optimize Tensors|'dict'|'list'")
METHODS = ("step", "update", "update_params", "apply", "apply_gradients", "__call__")


class Declined(NamedTuple):
    """A run that was not made, because the class cannot be told its settings."""

    what: str


STILL = Complaint("its step returned nothing and left W as it was; change W in place: W -= ...")


class CannotBeTold(TypeError):
    """The class takes no such argument."""


class OptimizerRun(NamedTuple):
    """One training run: made with these settings, and stepped once with each gradient."""

    W: NDArray
    gradients: Sequence[NDArray]
    settings: dict[str, Any]
    like: str | None = None

    def prepared(self, factory: Callable[..., Any]) -> "OptimizerSubject":
        """The subject, to be given to ``run``, call after call."""
        return OptimizerSubject(factory, self.like)

    def run(
        self, subject: "OptimizerSubject"
    ) -> dict[str, NDArray] | Complaint | Declined | SinglePrecision:
        """The table after every step, (steps, V, V)."""
        return subject(self)


# --- its settings ---------------------------------------------------------------------------------


def told(
    parameters: Sequence[inspect.Parameter], settings: Mapping[str, Any], fixed: bool = False
) -> dict[str, Any]:
    """Keyword arguments that say ``settings`` in the subject's own names. A setting that it does
    not take it must have as torch's default, or ``CannotBeTold`` is raised."""
    taken, left = matched([p.name for p in nameable(parameters)], settings)
    if not fixed and any(p.kind is p.VAR_KEYWORD for p in parameters):
        return taken | {name: settings[name] for name in left}
    must_be_default(left, settings, "it takes no")
    return taken


def matched(names: Sequence[str], settings: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The settings under those of ``names`` that mean one, and the settings that none means."""
    beta1, beta2 = settings["betas"]
    values = {**settings, "beta1": beta1, "beta2": beta2}
    found = match_names(names, SETTINGS)
    said = {*found.values()}
    said |= {"betas"} if {"beta1", "beta2"} <= said else set()
    taken = {name: values[setting] for name, setting in found.items()}
    return taken, [name for name in settings if name not in said]


def must_be_default(names: Sequence[str], settings: Mapping[str, Any], lacks: str) -> None:
    """Raises ``CannotBeTold`` where one of ``names`` is another than torch has."""
    lost = [name for name in names if settings[name] != DEFAULTS[name]]
    if lost:
        raise CannotBeTold(f"{lacks} {' or '.join(lost)}")


def parameters_of(factory: Callable[..., Any]) -> list[inspect.Parameter]:
    """Its parameters; none where nothing is known of them."""
    return signature_of(factory) or []


def nameable(parameters: Sequence[inspect.Parameter]) -> list[inspect.Parameter]:
    """Those that stand for one argument."""
    return [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def required(parameters: Sequence[inspect.Parameter]) -> list[str]:
    """The names of those that a call must give."""
    return [p.name for p in nameable(parameters) if p.default is p.empty]


def construct(
    factory: Callable[..., Any], table: Any, settings: Mapping[str, Any], word: str
) -> tuple[Any, str]:
    """Makes the optimizer: table, shape and ``settings`` are matched by the names of its
    parameters. And its arguments as they are reported, the table as ``word``."""
    parameters = parameters_of(factory)
    given = told(parameters, settings)
    free = [p for p in nameable(parameters) if p.name not in given]
    roles = match_names([p.name for p in free], SHAPE | TABLE)
    unknown = [name for name in required(free) if name not in roles]
    if unknown and not roles:  # the first argument is the table, in any name
        roles[unknown.pop(0)] = "W"
    if unknown:
        raise CannotCall(f"it cannot be given {', '.join(unknown)}; write {ADAPTER}")
    shown = [word if role == "W" else "W.shape" for role in roles.values()]
    shown += [f"{name}=" for name in given]
    for name, role in roles.items():
        given[name] = table if role == "W" else unpacked(table).shape
    # those that cannot be given by keyword
    by_position = [p.name for p in parameters if p.kind is p.POSITIONAL_ONLY and p.name in given]
    positional = [given.pop(name) for name in by_position]
    return factory(*positional, **given), f"({', '.join(shown)})"


# --- its steps ------------------------------------------------------------------------------------


class Parameter(np.ndarray):
    """A NumPy array with ``.grad`` and a ``.data`` that can be set, as torch's parameters have
    them."""

    grad: Any = None

    @property
    def data(self) -> Any:
        """The numbers, as a plain array that shares them."""
        return self.view(np.ndarray)

    @data.setter
    def data(self, value: Any) -> None:
        self.view(np.ndarray)[...] = value


class Form(NamedTuple):
    """One way to hand over a table and its gradient."""

    kind: str  # of arrays: "numpy", "torch", "jax"
    container: str  # "array", "dict", "list", "flat array"

    def pack(self, array: NDArray) -> Any:
        """A copy of ``array``, in one dimension, or in a dict or list."""
        value = array.copy() if self.kind == "numpy" else convert(self.kind, array)
        if self.container == "flat array":
            return value.ravel()
        return {"array": value, "dict": {"W": value}, "list": [value]}[self.container]


# from dW to the table after the step
Step = Callable[[NDArray], NDArray | Complaint | SinglePrecision]
Way = Callable[[OptimizerRun, Form], Step]


class OptimizerSubject:
    """The reader's optimizer behind one interface: a run, and the table after each of its steps."""

    def __init__(self, factory: Callable[..., Any], like: str | None) -> None:
        self.factory, self.like = factory, like
        self.name = getattr(inner(factory), "__name__", None) or type(factory).__name__
        if not callable(factory) or (
            not inspect.isclass(factory)
            and not inspect.isroutine(factory)
            and hasattr(factory, "step")
        ):
            raise CannotCall(
                f"{self.name} is an optimizer already made; give its class, or a factory"
            )
        self.chosen: tuple[Form, Way] | None = None
        self.called = self.name

    def __call__(
        self, run: OptimizerRun
    ) -> dict[str, NDArray] | Complaint | Declined | SinglePrecision:
        try:
            return self._run(run, *self.chosen) if self.chosen else self._first(run)
        except CannotBeTold as error:
            return Declined(str(error))

    def _first(self, run: OptimizerRun) -> dict[str, NDArray] | Complaint | SinglePrecision:
        """The first run, in the form that is kept. It is made once: a class may remember it."""
        failures: list[Exception | Complaint] = []
        for form, way in self._candidates():
            try:
                answer = self._run(run, form, way)
            except CannotBeTold:
                raise
            except Exception as error:
                failures.append(error)
                continue
            if isinstance(answer, SinglePrecision):
                return answer
            if isinstance(answer, dict) and np.array_equal(answer["W"][-1], run.W):
                answer = STILL  # a right one moves every entry
            if isinstance(answer, dict) or answer.what.startswith("it changed dW"):
                self.chosen = form, way
                return answer
            failures.append(answer)
        calls = [f for f in failures if not isinstance(f, CannotCall)] or failures
        plain = [f for f in calls if not KIND_ALONE.search(message_of(f))] or calls
        if isinstance(plain[0], Exception):
            raise plain[0]
        return plain[0]

    def _candidates(self) -> Iterator[tuple[Form, Way]]:
        ways: list[Way] = [self._pure] if is_pure(self.factory) else [self._made]
        # torch.optim's way: step() has no argument that must be given.
        step = getattr(inner(self.factory), "step", None)
        if not is_pure(self.factory) and step and not required(parameters_of(step)[1:]):
            ways.insert(0, self._with_params)
        for container in ("array", "dict", "list", "flat array"):
            for kind in kinds(self.like):
                if "grad" not in kind:
                    yield from ((Form(kind, container), way) for way in ways)

    def _run(
        self, run: OptimizerRun, form: Form, way: Way
    ) -> dict[str, NDArray] | Complaint | SinglePrecision:
        step = way(run, form)
        history: list[NDArray] = []
        for dW in run.gradients:
            after = step(dW)
            if isinstance(after, Complaint | SinglePrecision):
                return after
            if form.container == "flat array" and after.shape == (dW.size,):
                after = after.reshape(dW.shape)
            if after.shape != dW.shape:
                return Complaint(f"its table has shape {after.shape} after a step, not {dW.shape}")
            history.append(np.array(after, run.W.dtype))
        return {"W": np.array(history)}

    def _with_params(self, run: OptimizerRun, form: Form) -> Step:
        """``CLASS([p], lr=...)``, then ``p.grad = dW`` and ``step()``."""
        parameter: Any
        if form.kind == "torch":
            import torch

            parameter = torch.nn.Parameter(convert("torch", run.W))
        else:
            parameter = run.W.copy().view(Parameter)
        optimizer, shown = construct(self.factory, [parameter], run.settings, "[p]")
        self.called = f"{self.name}{shown}, then p.grad = dW and step()"

        def step(dW: NDArray) -> NDArray:
            parameter.grad = convert("torch", dW) if form.kind == "torch" else dW.copy()
            optimizer.step()
            return as_array(parameter).view(np.ndarray)

        return step

    def _pure(self, run: OptimizerRun, form: Form) -> Step:
        """A function of the table, the gradient and its own state, which it returns or changes."""
        function = self.factory
        parameters = parameters_of(function)
        configured = has(parameters, "config")
        keywords = {} if configured else told(parameters, run.settings, fixed=True)
        roles = match_names(
            [p.name for p in parameters if p.name not in keywords and p.kind is not p.VAR_KEYWORD],
            STEP,
        )
        missing = [
            name for name in required(parameters) if name not in roles and name not in keywords
        ]
        if "W" not in roles.values() and missing:
            roles[missing.pop(0)] = "W"
        if missing or "W" not in roles.values():
            raise CannotCall(f"it needs {', '.join(missing) or 'a table'}; write {ADAPTER}")
        table = form.pack(run.W)
        state: dict[str, Any] = {
            "m": form.pack(np.zeros_like(run.W)),
            "v": form.pack(np.zeros_like(run.W)),
            "t": 0,
            "name": "W",
            "state": None,
            "config": None,
        }
        carried = [role for role in ("m", "v", "t", "state", "config") if role in roles.values()]
        if "config" in carried:
            state["config"] = self._config(run, form, roles)
        order = [p.name for p in parameters if p.name in roles]
        self.called = (
            f"{self.name}({', '.join(n if n == roles[n] else f'{n}={roles[n]}' for n in order)}"
            f"{''.join(f', {name}=' for name in keywords)})"
        ) + _given_as(form)
        by_position = [p.name for p in parameters if p.kind is p.POSITIONAL_ONLY]

        def step(dW: NDArray) -> NDArray | Complaint | SinglePrecision:
            nonlocal table
            state["t"] += 1
            gradient = form.pack(dW)
            values = {**state, "W": table, "dW": gradient}
            arguments = {name: values[role] for name, role in roles.items()}
            positional = [arguments.pop(name) for name in by_position if name in arguments]
            returned = function(*positional, **arguments, **keywords)
            if refused := _changed(gradient, dW) or narrow(run.W.dtype, returned):
                return refused
            parts = list(returned) if isinstance(returned, tuple) else [returned]
            if returned is not None:
                table = _unless_same(table, parts[0])
                rest = [role for role in carried if role != "t"]
                if len(parts) == 2 and len(rest) == 1:
                    state[rest[0]] = parts[1]
                elif len(parts) == 2 and rest == ["m", "v"]:
                    state["m"], state["v"] = parts[1]
                elif len(parts) > 2:
                    state.update(zip(rest, parts[1:], strict=False))
            return unpacked(table)

        return step

    def _config(self, run: OptimizerRun, form: Form, roles: Mapping[str, str]) -> Any:
        """A fresh state with the settings of this run, in the names that the function itself puts
        into one that it makes: found by a first step with no gradient."""
        names = {role: name for name, role in roles.items()}
        arguments = {names["W"]: form.pack(run.W), names["dW"]: form.pack(np.zeros_like(run.W))}
        returned = self.factory(**arguments)
        made = returned[-1] if isinstance(returned, tuple) else None
        if not isinstance(made, dict):
            raise CannotCall(f"it returned no config to be given again; write {ADAPTER}")
        values, left = matched([str(key) for key in made], run.settings)
        must_be_default(left, run.settings, "its config has no")
        fresh: dict[Any, Any] = {}
        for key, value in made.items():
            if str(key) in values:
                fresh[key] = values[str(key)]
            elif isinstance(value, int) and not isinstance(value, bool):
                fresh[key] = value - 1  # the counter, before that step
            else:
                fresh[key] = value * 0 if hasattr(value, "shape") else value
        return fresh

    def _made(self, run: OptimizerRun, form: Form) -> Step:
        """Made by the factory, then stepped by one of its methods."""
        table = form.pack(run.W)
        word = "W" if form.container == "array" else f"{form.container} of W"
        optimizer, shown = construct(self.factory, table, run.settings, word)
        shown = self.name + shown
        if inspect.isgenerator(optimizer):
            next(optimizer)
            self.called = f"{shown}, then send(dW)"
            return lambda dW: unpacked(optimizer.send(form.pack(dW)))
        init, update, get = _transformation(optimizer)
        if init is not None:
            return self._functional(run, form, shown, init, update, get)
        name = next((m for m in METHODS if callable(getattr(optimizer, m, None))), None)
        if name is None:
            raise CannotCall(
                f"{self.name} made a {type(optimizer).__name__} with none of the methods "
                f"{', '.join(METHODS[:-1])}; write {ADAPTER}"
            )
        method = getattr(optimizer, name)
        roles = self._roles_of(method)
        self.called = f"{shown}, then {'' if name == '__call__' else name}({', '.join(roles)})"
        self.called += _given_as(form)
        held = _held(optimizer, run.W) if "W" not in roles and "pairs" not in roles else None
        count = 0

        def step(dW: NDArray) -> NDArray | Complaint | SinglePrecision:
            nonlocal table, count
            gradient = form.pack(dW)
            before = unpacked(table).copy()
            pairs = [(gradient, table)] if form.container == "array" else []
            values = {"W": table, "dW": gradient, "pairs": pairs, "name": "W", "t": count}
            count += 1
            returned = method(*(values[role] for role in roles))
            if refused := _changed(gradient, dW) or narrow(run.W.dtype, returned):
                return refused
            if returned is not None:
                table = _unless_same(table, returned)
            elif held and np.array_equal(unpacked(table), before, equal_nan=True):
                return unpacked(getattr(optimizer, held))
            return unpacked(table)

        return step

    def _roles_of(self, method: Callable[..., Any]) -> list[str]:
        parameters = parameters_of(method)
        names = required(parameters)
        found = match_names(names, STEP)
        if not names:
            anything = any(p.kind is p.VAR_POSITIONAL for p in parameters)
            return ["W", "dW"] if anything else ["dW"] if nameable(parameters) else []
        if len(names) == 1:
            return ["pairs"] if "pairs" in found.values() else ["dW"]
        if len(names) == 2 and set(found.values()) != {"W", "dW"}:
            first = found.get(names[0]), found.get(names[1])
            return ["dW", "W"] if first in (("dW", None), (None, "W")) else ["W", "dW"]
        if len(found) < len(names):
            raise CannotCall(f"its step takes {', '.join(names)}; write {ADAPTER}")
        return [found[name] for name in names]

    def _functional(
        self, run: OptimizerRun, form: Form, shown: str, init: Any, update: Any, get: Any
    ) -> Step:
        """``init(W)`` makes a state; ``update`` takes it and returns the next, with updates or the
        table."""
        table = form.pack(run.W)
        state = init(table)
        names = [p.name for p in nameable(parameters_of(update))]
        found = match_names(names, STEP)
        roles = [found[name] for name in names if name in found]
        if get is not None:
            roles = ["t", "dW", "state"]
        elif {"dW", "state"} - set(roles):
            roles = ["dW", "state", "W"]
        alone = get is not None or "W" not in roles
        self.called = f"{shown}, init(W), then update({', '.join(roles)})"
        count = 0
        adds: bool | None = None

        def step(dW: NDArray) -> NDArray | Complaint | SinglePrecision:
            nonlocal table, state, count, adds
            values = {"dW": form.pack(dW), "state": state, "W": table, "t": count}
            count += 1
            returned = update(*(values[role] for role in roles))
            if single := narrow(run.W.dtype, returned):
                return single
            if alone:
                state = returned
                table = get(state) if get else _table_in(state, run.W.shape)
                return unpacked(table)
            out, state = returned
            new, old = unpacked(out), unpacked(table)
            if adds is None:  # updates are small; a table is near the one before
                adds = bool(abs(new).sum() < abs(new - old).sum())
                self.called += ", the updates added to W" if adds else ", which returns the new W"
            after = (old + new).astype(run.W.dtype) if adds else new
            table = form.pack(after)
            return after

        return step


def inner(factory: Callable[..., Any]) -> Callable[..., Any]:
    """The callable in a ``functools.partial``; any other as it is."""
    return factory.func if isinstance(factory, functools.partial) else factory


def is_pure(factory: Callable[..., Any]) -> bool:
    """Whether it is a function of table and gradient, and not one that makes an optimizer."""
    if inspect.isclass(inner(factory)) or inspect.isgeneratorfunction(factory):
        return False
    return has(parameters_of(factory), "dW")


def has(parameters: Sequence[inspect.Parameter], role: str) -> bool:
    """Whether one of them has a name of that role in a step."""
    return bool(match_names([p.name for p in parameters], {role: STEP[role]}))


def unpacked(value: Any) -> NDArray:
    """The table in any container, as a NumPy array."""
    return as_array(next((part for _, part in leaves(value)), value)).view(np.ndarray)


def _given_as(form: Form) -> str:
    container = "" if form.container == "array" else f"; each as a {form.container}"
    return container + ("" if form.kind == "numpy" else f"; arrays of {form.kind}")


def _unless_same(table: Any, returned: Any) -> Any:
    # An optimizer may know its arrays by identity.
    if returned is table:
        return table
    if isinstance(table, np.ndarray):
        array = as_array(returned)
        return array.astype(table.dtype) if array.shape == table.shape else array
    shapes = [getattr(part, "shape", None) for _, part in leaves(returned)]
    return returned if shapes and shapes[0] is not None else table


def _changed(gradient: Any, dW: NDArray) -> Complaint | None:
    same = np.array_equal(unpacked(gradient).ravel(), dW.ravel())
    return (
        None
        if same
        else Complaint("it changed dW, which it was only to read; begin with dW.copy()")
    )


def _held(optimizer: Any, W: NDArray) -> str | None:
    """The attribute in which an optimizer keeps the table."""
    for name, value in getattr(optimizer, "__dict__", {}).items():
        try:
            if np.array_equal(unpacked(value), W):
                return str(name)
        except (TypeError, ValueError, AttributeError):
            continue
    return None


def _transformation(made: Any) -> tuple[Any, Any, Any]:
    """``init``, ``update`` and maybe ``get_params`` of a functional optimizer; else three times
    None."""
    if isinstance(made, tuple) and len(made) in (2, 3) and all(callable(part) for part in made):
        return (*made, None)[:3]
    update = getattr(made, "update", None) or getattr(made, "step", None)
    init = getattr(made, "init", None)
    return (init, update, None) if callable(init) and callable(update) else (None, None, None)


def _table_in(state: Any, shape: tuple[int, ...]) -> Any:
    named = fields_of(state) or {}
    for key, value in named.items():
        if plain_name(str(key)) in TABLE["W"].split():
            return value
    for _, part in leaves(state):
        if getattr(part, "shape", None) == shape:
            return part
    raise CannotCall(f"its state holds no table; write {ADAPTER}")
