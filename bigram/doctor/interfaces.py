"""How the reader's function is called, and which parts of its answer are the loss and dW.

Arguments are matched by the names of the parameters, in any order, and the rest by position; arrays
are NumPy's, or torch's or JAX's where the function wants those. ``GradientSubject`` finds this out
at the first call, keeps to it, and says in one line how it was called. ``optimizer_forms.py`` does
the same for optimizers.
"""

import dataclasses
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from common.errors import UserError

# The names that people give to the three arguments, the commonest first: an earlier one has
# precedence.
ROLES = {
    "W": "w weights weight table params parameters theta embedding emb wte logits_table matrix",
    "idx": "idx inputs input x xs xb ids tokens indices ix contexts context input_ids current data "
    "prev src",
    "targets": "targets target y ys yb labels label next nexts next_ids tgt outputs y_true",
    # Of kernels.
    "logits": "logits x input inputs scores z pred preds predictions",
    "dlogits": "dlogits dout grad_output grad_out dy g grad d_out dx dz grad_y",
    "V": "v vocab_size num_embeddings num_weights vocab n_vocab rows num_classes size",
}
BATCH = {"batch", "data", "examples", "xy", "minibatch"}  # both arrays of ids in one tuple
VOCAB = {"v", "vocab_size", "vocab", "num_classes", "n_classes", "n_vocab"}
LOSS_NAMES = {"loss", "cost", "nll", "objective", "value", "mean_loss", "l", "j", "error"}
GRADIENT_NAMES = {
    *("dw", "grad", "grads", "gradient", "gradients", "g", "w_grad", "grad_w", "dl_dw", "dloss_dw"),
    *("dweights", "dtable", "dtheta", "dparams", "derivative", "jacobian"),
    *("dlogits", "grad_logits", "dx", "dz", "grad_input"),
}
ADAPTER = "def f(W, idx, targets): ...; return loss, dW"
ADAPTERS = {
    "W": ADAPTER,
    "logits": "def f(logits, targets): ...; return loss, dlogits",
    "dlogits": "def f(dlogits, idx, V): ...; return dW",
}


def message_of(error: Any) -> str:
    """Its text in one line; empty where the exception's own method fails."""
    try:
        return " ".join(str(error).split())
    except Exception:
        return ""


class Complaint(NamedTuple):
    """The reason why there is no number to judge."""

    what: str


class SinglePrecision(Exception):
    """The library of the subject computes in float32 however precise its arguments are."""


class CannotCall(UserError):
    """The subject's parameters cannot be matched; the message holds the adapter to write."""


def as_array(value: Any) -> NDArray:
    """A NumPy array from anything that behaves like one: torch tensors with their graph, on a GPU
    or sparse, CuPy, JAX, SciPy's sparse matrices."""
    if isinstance(value, np.ndarray | np.generic):
        return np.asarray(value)
    for convert in ("detach", "cpu", "to_dense", "toarray", "todense", "get"):
        method = getattr(value, convert, None)
        if callable(method) and not isinstance(value, Mapping | np.ndarray):
            value = method()
    if str(getattr(value, "dtype", "")) in ("torch.bfloat16", "bfloat16"):  # NumPy has no such type
        value = value.float() if hasattr(value, "float") else value.astype(np.float32)
    array = np.asarray(value)
    if array.dtype == object and array.size and all(hasattr(x, "__float__") for x in array.flat):
        array = array.astype(np.float64)
    return array


def plain_name(name: str) -> str:
    """As names are compared: without case and underscores at the ends."""
    return name.lower().strip("_")


def match_names(names: Sequence[str], roles: Mapping[str, str]) -> dict[str, str]:
    """Which of ``names`` is which role: {name: role}. No role is given twice."""
    found: dict[str, str] = {}
    for role, synonyms in roles.items():
        for synonym in synonyms.split():
            fitting = [name for name in names if plain_name(name) == synonym and name not in found]
            if fitting:
                found[fitting[0]] = role
                break
    return found


class Binding(NamedTuple):
    """A way to call a function: the arguments by position and by keyword."""

    positional: tuple[str, ...]
    keyword: dict[str, str]
    shown: str  # "W, x=idx, y=targets"

    def call(self, function: Callable[..., Any], values: Mapping[str, Any]) -> Any:
        """Calls ``function`` with these values of the roles."""
        positional = [values[role] for role in self.positional]
        return function(*positional, **{name: values[role] for name, role in self.keyword.items()})


def signature_of(function: Callable[..., Any]) -> list[inspect.Parameter] | None:
    """The parameters of ``function``, or None where nothing is known of them."""
    if not inspect.isclass(function) and not inspect.isroutine(function):
        function = (
            getattr(function, "py_func", None) or getattr(function, "forward", None) or function
        )
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None


def bind(function: Callable[..., Any], roles: Sequence[str] = ("W", "idx", "targets")) -> Binding:
    """Matches the parameters of ``function`` to ``roles``. Raises ``CannotCall`` where that is
    impossible."""
    parameters = signature_of(function)
    named = [p for p in parameters or [] if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    anything = parameters is None or any(p.kind is p.VAR_POSITIONAL for p in parameters)
    found = match_names([p.name for p in named], {role: ROLES[role] for role in roles})
    missing = [role for role in roles if role not in found.values()]
    free = [p for p in named if p.name not in found]
    required = [p for p in free if p.default is p.empty]
    for p in list(required):
        if plain_name(p.name) in VOCAB and len(required) > len(missing):
            found[p.name] = "V"
            required.remove(p)
    batch = None if anything else _batch_of(named, found, missing, required)
    if batch and {"W", "idx", "targets"} <= {*roles}:
        found = {name: role for name, role in found.items() if role == "W"} | {batch: "batch"}
        missing = [role for role in ("W",) if role not in found.values()]
        required = [p for p in named if p.name not in found and p.default is p.empty]
    if len(required) > len(missing):
        names = ", ".join(p.name for p in required[len(missing) :] if p.name not in found)
        raise CannotCall(
            f"it needs {names} besides {', '.join(roles)}; bind that first, with functools.partial "
            f"or in {ADAPTERS[roles[0]]}"
        )
    optional = [p for p in free if p.default is not p.empty and p.name not in found]
    candidates = required + (optional if len(required) < len(missing) else [])
    if len(candidates) < len(missing) and not anything:
        taken = ", ".join(p.name for p in named) or "no arguments"
        raise CannotCall(
            f"it takes {taken}, and cannot be given {', '.join(missing)}; write "
            f"{ADAPTERS[roles[0]]}"
        )
    found |= {p.name: role for p, role in zip(candidates, missing, strict=False)}
    left_over = missing[len(candidates) :]
    positional: list[str] = []
    keyword: dict[str, str] = {}
    shown: list[str] = []
    in_order = True
    for p in named:
        if p.name not in found:
            in_order &= p.kind is p.KEYWORD_ONLY
            continue
        role = found[p.name]
        if p.kind is not p.KEYWORD_ONLY and in_order:
            positional.append(role)
        else:
            keyword[p.name] = role
        value = "(idx, targets)" if role == "batch" else role
        shown.append(value if p.name == value else f"{p.name}={value}")
    return Binding((*positional, *left_over), keyword, ", ".join([*shown, *left_over]))


def _batch_of(
    named: list[inspect.Parameter],
    found: Mapping[str, str],
    missing: list[str],
    required: list[inspect.Parameter],
) -> str | None:
    """The parameter that both arrays of ids go into, if there is one."""
    free = [p for p in named if p.name not in found]
    called = [p for p in named if plain_name(p.name) in BATCH]
    one_less = len(required) == len(missing) - 1 and {"idx", "targets"} <= {*missing}
    if one_less or (called and len(named) == 2):
        return next((p.name for p in called or (required or free)[-1:]), None)
    return None


def values_of(roles: Sequence[str], given: Sequence[Any]) -> dict[str, Any]:
    """The arguments by role, and the other roles that ``bind`` knows."""
    table = given[0]["W"] if isinstance(given[0], dict) else given[0]
    others = {"V": table.shape[-1], "batch": tuple(given[1:])}
    return others | dict(zip(roles, given, strict=True))


# --- which kind of arrays -------------------------------------------------------------------------

KINDS = ("numpy", "torch", "torch, requires_grad", "jax")


def kinds(like: str | None) -> list[str]:
    """The kinds of array to try, in order: those whose library the subject has loaded."""
    if like is None:
        return [kind for kind in KINDS if kind == "numpy" or kind.split(",")[0] in sys.modules]
    return [kind for kind in KINDS if kind.split(",")[0] == like]


def convert(kind: str, array: Any, dtype: str | None = None) -> Any:
    """A copy of ``array`` of that kind; ids become int64. NumPy's own arrays, and numbers, are
    handed on as they are. ``dtype``: "bfloat16", which NumPy has not, for arrays of floats."""
    if kind == "numpy" or not isinstance(array, np.ndarray):
        return array
    if dtype and array.dtype.kind == "f":
        value = convert(kind, array)
        return value.bfloat16() if kind.startswith("torch") else value.astype(dtype)
    if kind.startswith("torch"):
        import torch

        copy = np.array(array, array.dtype if array.dtype.kind == "f" else np.int64, order="C")
        return torch.from_numpy(copy).requires_grad_("grad" in kind and array.dtype.kind == "f")
    import jax.numpy

    return jax.numpy.asarray(np.array(array))


def narrow(dtype: np.dtype, answer: Any) -> SinglePrecision | None:
    """Whether ``answer`` holds arrays of a JAX that turns float64 into float32 wherever it meets
    it."""
    jax = sys.modules.get("jax")
    if not jax or dtype != np.float64 or jax.config.jax_enable_x64:
        return None
    found = [leaf for _, leaf in leaves(answer) if isinstance(leaf, jax.Array)]
    if not any(str(leaf.dtype) == "float32" for leaf in found):
        return None
    return SinglePrecision(
        "float32, for that is all that JAX has until jax.config.update('jax_enable_x64', True)"
    )


# --- the answer -----------------------------------------------------------------------------------


def fields_of(value: Any) -> Mapping[Any, Any] | None:
    """The named parts of a mapping, dataclass, named tuple or namespace; None of anything else."""
    if isinstance(value, Mapping):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return value._asdict()
    return vars(value) if isinstance(value, SimpleNamespace) else None


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every part of an answer that is no container, with the keys that lead to it. A list of
    numbers, or of such lists, is one part, for it stands for an array."""
    named = fields_of(value)
    if named is not None:
        for key, part in named.items():
            yield from leaves(part, (*path, key))
    elif isinstance(value, tuple) or (isinstance(value, list) and not _is_numbers(value)):
        for k, part in enumerate(value):
            yield from leaves(part, (*path, k))
    else:
        yield path, value


def _is_numbers(value: Any) -> bool:
    while isinstance(value, list) and value:
        value = value[0]
    return isinstance(value, int | float | complex | np.generic) or (
        hasattr(value, "ndim") and value.ndim == 0
    )


def part_at(value: Any, path: tuple[Any, ...]) -> Any:
    """The part of an answer that these keys lead to."""
    for key in path:
        named = fields_of(value)
        value = value[key] if named is None else named[key]
    return value


def path_text(path: tuple[Any, ...]) -> str:
    """``[1]['W']`` or nothing."""
    return "".join(f"[{key!r}]" for key in path)


class Reader:
    """Finds the loss and dW in the first answer, and takes them from the same parts of every
    other."""

    def __init__(self, wanted: tuple[str, ...], gradient: str = "dW") -> None:
        self.wanted, self.gradient = wanted, gradient
        self.paths: dict[str, tuple[Any, ...]] = {}
        self.understood: list[str] = []

    def read(
        self, answer: Any, table: Any, shape: tuple[int, ...]
    ) -> dict[str, NDArray] | Complaint:
        """The arrays of ``wanted``. ``table``: the W that was given, which may hold the
        gradient."""
        paths = self.paths or self._find(answer, table, shape)
        if isinstance(paths, Complaint):
            return paths
        arrays: dict[str, NDArray] = {}
        for name in self.wanted:
            try:
                value = table.grad if paths[name] == (".grad",) else part_at(answer, paths[name])
            except (LookupError, TypeError):
                return Complaint(f"it returned no {name} where its first answer had it")
            array = as_array(value)
            if array.dtype.kind not in "fiu":
                adapter = f"; return its real part, {name}.real" if array.dtype.kind == "c" else ""
                return Complaint(f"its {name} holds {array.dtype}, not real numbers{adapter}")
            expected = () if name == "loss" else shape
            if array.shape != expected and array.size == np.prod(expected, dtype=int):
                if name != "loss" and not self.paths:
                    self.understood.append(f"its {name} of shape {array.shape} is read row by row")
                array = array.reshape(expected)
            if array.shape != expected:
                meant = f"an array of shape {expected}" if expected else "one number"
                return Complaint(f"its {name} has shape {array.shape}, not {meant}")
            # A copy: a function may return the same array every time.
            arrays[name] = np.array(array)
        self.paths = paths
        return arrays

    def _find(
        self, answer: Any, table: Any, shape: tuple[int, ...]
    ) -> dict[str, tuple[Any, ...]] | Complaint:
        parts = [(path, *_size_of(part)) for path, part in leaves(answer) if part is not None]
        gradient = self.gradient
        sizes = {"loss": 1, gradient: int(np.prod(shape))}
        names = {"loss": LOSS_NAMES, gradient: GRADIENT_NAMES}

        def is_called(name: str, path: tuple[Any, ...]) -> bool:
            return any(plain_name(str(key)) in names[name] for key in path)

        paths: dict[str, tuple[Any, ...]] = {}
        # Where both are one number, the first is the loss.
        for name in (gradient, "loss") if sizes[gradient] > 1 else ("loss", gradient):
            fitting = [
                part for part in parts if part[1] == sizes[name] and part[0] not in paths.values()
            ]
            if name == gradient:  # the shape itself is better than its size
                fitting = [part for part in fitting if part[2] == shape] or fitting
            fitting = [part for part in fitting if is_called(name, part[0])] or fitting
            if fitting:
                paths[name] = fitting[0][0]
            if name == gradient and len(fitting) > 1 and name in self.wanted:
                self.understood.append(
                    f"several arrays have {name}'s size; answer{path_text(paths[name])} is taken "
                    f"as {name}"
                )
        if gradient not in paths and getattr(table, "grad", None) is not None:
            paths[gradient] = (".grad",)
            self.understood.append(f"{gradient} is read from {gradient[1:]}.grad")
        missing = [name for name in self.wanted if name not in paths]
        # Where the parts are as many as are wanted, a fault is named when they are looked at.
        in_order = isinstance(answer, tuple | list) or len(self.wanted) == 1
        if missing and len(parts) == len(self.wanted) and in_order:
            order = self.wanted if paths.get(gradient) != parts[0][0] else self.wanted[::-1]
            paths = {name: part[0] for name, part in zip(order, parts, strict=True)}
        elif missing:
            for path, part in leaves(answer):
                meant = [name for name in missing if is_called(name, path)]
                if meant and part is not None:
                    paths[meant[0]] = path
        if all(name in paths for name in self.wanted):
            return {name: paths[name] for name in self.wanted}
        alone = (
            "; --loss-only and --gradient-only are for one of them" if len(self.wanted) == 2 else ""
        )
        adapter = "" if alone else f"; write {ADAPTERS[gradient[1:]]}"
        return Complaint(
            f"it returned {type(answer).__name__}, not ({', '.join(self.wanted)}){alone}{adapter}"
        )


def _size_of(part: Any) -> tuple[int, tuple[int, ...]]:
    shape = getattr(part, "shape", None)
    if shape is None:
        try:
            shape = np.shape(part)
        except ValueError:
            return -1, ()
    try:
        return int(np.prod(tuple(shape), dtype=int)), tuple(int(n) for n in shape)
    except TypeError:
        return -1, ()


# --- the whole ------------------------------------------------------------------------------------


class GradientSubject:
    """The reader's function behind one interface: ``(W, idx, targets) -> {"loss": ..., "dW":
    ...}``, or that of a kernel."""

    roles: tuple[str, ...] = ("W", "idx", "targets")
    gradient = "dW"
    containers: tuple[str, ...] = ("an array", "a dict")  # that the first argument may come in

    def __init__(
        self,
        function: Callable[..., Any],
        wanted: tuple[str, ...],
        like: str | None,
        bfloat16: bool,
    ) -> None:
        self.function, self.wanted, self.like = function, wanted, like
        self.dtype = "bfloat16" if bfloat16 else None
        self.chosen: tuple[str, str, Reader] | None = None
        self.lets_underflow = False
        self.way, self.shown = self.bound()

    def bound(self) -> tuple[Callable[..., Any], str]:
        """The function of the arguments in the order of ``roles``, and how it is called."""
        if inspect.isclass(self.function) and self.roles[0] == "W":
            return layer(self.function)
        binding = bind(self.function, self.roles)
        name = getattr(self.function, "__name__", None) or type(self.function).__name__
        return (
            lambda *given: binding.call(self.function, values_of(self.roles, given)),
            f"{name}({binding.shown})",
        )

    def shape(self, *given: Any) -> tuple[int, ...]:
        """That of the gradient."""
        shape: tuple[int, ...] = given[0].shape
        return shape

    @property
    def called(self) -> str:
        """One line: how it was called, and how its answer was read."""
        if not self.chosen:
            return self.shown
        kind, container, reader = self.chosen
        notes = [f"W as {container}"] if container != "an array" else []
        notes += [f"arrays of {kind}"] if kind != "numpy" else []
        notes += reader.understood
        notes += (
            ["underflow, which np.seterr made an error, was let pass"]
            if self.lets_underflow
            else []
        )
        whole = {name: f"answer{path_text(path)}" for name, path in reader.paths.items()}
        usual = {"loss": "answer[0]", self.gradient: "answer[1]"}
        if len(self.wanted) == 2 and whole != usual:
            found = (f"{name} is {text}" for name, text in whole.items() if ".grad" not in text)
            notes.append(", ".join(found))
        return "; ".join([self.shown, *(note for note in notes if note)])

    def __call__(self, *given: Any) -> dict[str, NDArray] | Complaint | SinglePrecision:
        if self.chosen:
            return self._attempt(*self.chosen, given)
        failures: list[Exception | Complaint] = []
        for container in self.containers:
            for kind in kinds(self.like):
                if self.dtype and kind == "numpy":
                    continue
                reader = Reader(self.wanted, self.gradient)
                try:
                    answer = self._attempt(kind, container, reader, given)
                except Exception as error:
                    failures.append(error)
                    continue
                if isinstance(answer, dict | SinglePrecision) or answer.what.startswith(
                    "it changed"
                ):
                    self.chosen = kind, container, reader
                    return answer
                failures.append(answer)
        # The first says most, unless it only says that the arrays are of another kind.
        kind_alone = re.compile(r"ndarray|must be Tensor|Tensors, not|numpy|'dict'|dict object")
        telling = [f for f in failures if not kind_alone.search(message_of(f))] or failures
        if not telling:
            raise CannotCall("NumPy has no bfloat16; give like='torch' or like='jax'")
        first = telling[0]
        if isinstance(first, Exception):
            raise first
        return first

    def _attempt(
        self, kind: str, container: str, reader: Reader, given: tuple[Any, ...]
    ) -> dict[str, NDArray] | Complaint | SinglePrecision:
        arrays = [array for array in given if isinstance(array, np.ndarray)]
        before = [array.copy() for array in arrays]
        table, *others = converted = [convert(kind, array, self.dtype) for array in given]
        try:
            answer = self._call({"W": table} if container == "a dict" else table, *others)
            for name, array, old in zip(self.roles, converted, before, strict=False):
                unchanged = as_array(convert(kind, old, self.dtype))
                if not np.array_equal(as_array(array), unchanged, equal_nan=True):
                    return Complaint(
                        f"it changed {name}, which it was only to read; begin with {name}.copy()"
                    )
        finally:
            if kind == "numpy":  # the next case may hold the same arrays
                for array, old in zip(arrays, before, strict=True):
                    array[...] = old
        return narrow(given[0].dtype, answer) or reader.read(answer, table, self.shape(*given))

    def _call(self, *given: Any) -> Any:
        if self.lets_underflow:
            with np.errstate(under="ignore"):
                return self.way(*given)
        try:
            return self.way(*given)
        except FloatingPointError as error:
            if "underflow" not in str(error):
                raise
            self.lets_underflow = True  # exp of a very negative logit is 0, as it should be
            return self._call(*given)


class Call(NamedTuple):
    """One call of the subject. ``wanted``: the parts of its answer, "loss", the gradient or both.
    ``like``: the kind of arrays to give it, or None to find out. ``bfloat16``: the arrays of floats
    are to be of that type."""

    given: tuple[Any, ...]
    wanted: tuple[str, ...] = ("loss", "dW")
    like: str | None = None
    subject: type[GradientSubject] = GradientSubject
    bfloat16: bool = False

    def prepared(self, function: Callable[..., Any]) -> GradientSubject:
        """The subject, to be given to ``run``, call after call."""
        return self.subject(function, self.wanted, self.like, self.bfloat16)

    def run(self, subject: GradientSubject) -> dict[str, NDArray] | Complaint | SinglePrecision:
        """Calls it, and looks at its answer and at its arguments afterwards."""
        return subject(*self.given)


def layer(cls: Any) -> tuple[Callable[[Any, Any, Any], Any], str]:
    """A class with ``forward`` and ``backward``, as layers have them, as a function. Raises
    ``CannotCall`` for any other class."""
    if not (callable(getattr(cls, "forward", None)) and callable(getattr(cls, "backward", None))):
        also = " (an optimizer is checked with --optimizer, or bigram.check_optimizer)"
        raise CannotCall(
            f"{cls.__name__} is a class without forward and "
            f"backward{also if hasattr(cls, 'step') else ''}; write {ADAPTER}"
        )
    makes = [p for p in signature_of(cls) or [] if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    takes_table = bool(match_names([p.name for p in makes], {"W": ROLES["W"]})) or any(
        p.default is p.empty for p in makes
    )
    construct = bind(cls, ("W",)) if takes_table else Binding((), {}, "")
    takes = [p.name for p in (signature_of(cls.forward) or [])[1:]]
    roles = ("idx", "targets") if takes_table and len(takes) == 2 else ("W", "idx", "targets")

    def way(*given: Any) -> Any:
        values = values_of(("W", "idx", "targets"), given)
        layer = construct.call(cls, values)
        loss = bind(layer.forward, roles).call(layer.forward, values)
        dW = layer.backward()
        if dW is None:
            dW = next((v for k, v in vars(layer).items() if plain_name(k) in GRADIENT_NAMES), None)
        return loss, dW

    return way, f"{cls.__name__}({construct.shown}), forward({', '.join(roles)}), backward()"
