"""Loss and gradient in stages, done right, and how a mistake takes the place of one of them.

The loss goes through the stages of ``LOSS``, a gradient by hand through those of ``GRADIENT``: both
begin with the same ones. Each stage is a function of a ``Tape``, which holds the results of all
stages before it. A mistake is *one* stage done wrong, so mistakes in different stages can be made
together, and a mistake in a stage that both share can be made in the loss, in the gradient, or in
both.

Where autograd made the gradient, it is the exact derivative of the loss that was written down,
wrong or not. That derivative is taken here by complex step, from the stages of the loss: no second
formula is needed.

Shapes, with N tokens: ``rows``, ``ys`` (N,); ``weights``, ``losses`` (N, 1); ``logits``, ``p``,
``logp``, ``d`` (N, V); ``dW`` (V, V). Any of them may have one more axis in front: many tables, or
many amounts of one mistake, are worked out together.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from common.arrays import Array, Ids

Gradient = Callable[[Array, Ids, Ids], tuple[float, Array]]
Stage = Callable[..., Any]
STEP = 1e-30  # of the complex step: its square is below the last bit of anything


class Tape(SimpleNamespace):
    """W, idx, targets, and the result of every stage so far by its name. ``memory`` outlives the
    call."""

    @property
    def V(self) -> int:
        return self.W.shape[-1]

    @property
    def N(self) -> int:
        """The number of tokens that are left."""
        return len(self.rows)

    @property
    def onehot(self) -> Array:
        """(N, V), 1 at the target of every token."""
        return np.eye(self.V, dtype=self.W.real.dtype)[self.ys]

    def at_targets(self, values: Array) -> Array:
        """``values`` (N, V) at the target of every token: (N, 1)."""
        return values[..., np.arange(self.N), self.ys][..., None]


@dataclass(frozen=True)
class Mistake:
    """One thing done wrong."""

    name: str  # with the amount and the variant, where those were found
    why: str  # how it arises
    mend: str  # what to do instead
    code: dict[str, Any] = field(repr=False)  # by stage, the stage done wrong; see ``given``
    entry: str = ""  # the name in the catalogue
    side: str = "dW"  # where it is made: "loss" or "dW"
    derived: bool = False  # the gradient is the derivative of the wrong loss, not a formula by hand
    amounts: tuple[float, float] | None = None  # between these lies a number not known yet
    variants: tuple[Any, ...] = ()  # the ways of doing it that differ by a place
    chosen: tuple[Any, ...] = ()  # the amount and the variant that ``code`` is given
    remembers: bool = False  # the calls before have a part in it
    ratio: tuple[float, str] | None = None  # a number and the ratio of B, T and V it multiplies
    precision: bool = False  # digits are lost that W's dtype has: none are in the shortest
    unstable: bool = False  # right for ordinary logits: no number comes out where they are extreme
    whole: bool = False  # the amount is a whole number
    coupled: bool = False  # the loss of one token depends on the logits of another

    @property
    def occupied(self) -> set[str]:
        """The stages in which no other mistake can be made together with it."""
        if self.side == "W":
            return {*self.code}
        order = {*LOSS} if self.side == "loss" else {*GRADIENT, *(LOSS if self.derived else ())}
        return {*self.code} & order | ({"dlogits"} if self.derived else set())

    def with_amount(self, amount: Any) -> "Mistake":
        """The same with that amount, which may be an array of many."""
        return replace(self, chosen=(amount, *self.chosen[1:]))

    def named(self) -> "Mistake":
        """The same, its amount and its variant in its name."""
        return replace(self, name=", ".join([self.name, *filter(None, map(word, self.chosen))]))


def word(value: Any) -> str:
    """An amount or a variant as it is said in a name."""
    if isinstance(value, tuple):
        return " ".join(filter(None, map(word, value)))
    return value if isinstance(value, str) else figure(value)


def figure(value: float) -> str:
    """A number as one writes it: 0.05, 1e-7, 65536; 1.0000001 is not 1."""
    digits = 12 if f"{value:.6g}" == "1" != f"{value:.12g}" else 6
    mantissa, e, exponent = f"{value:.{digits}g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if e else mantissa


# --- the stages, done right -----------------------------------------------------------------------


def table(t: Tape) -> Array:
    """The table that rows are looked up in."""
    return t.W


def pairs(t: Tape) -> tuple[Ids, Ids]:
    """``rows, ys``: a batch is N separate pairs."""
    return t.idx.ravel(), t.targets.ravel()


def weights(t: Tape) -> Array:
    """Each token has an N-th part in the mean."""
    return np.full((t.N, 1), 1 / max(t.N, 1), t.W.real.dtype)


def lookup(t: Tape) -> Array:
    """``looked_up``: the row of every token."""
    return t.table[..., t.rows, :]


def scores(t: Tape) -> Array:
    """``logits``: the rows as they were looked up."""
    return t.looked_up


def softmax(t: Tape) -> tuple[Array, Array]:
    """``p, logp``: of each row by itself, whatever else is in the table."""
    return normalised(t.logits)


def token_loss(t: Tape) -> Array:
    """``losses``: -log p at the target."""
    return -t.at_targets(t.logp)


def total(t: Tape) -> Array:
    """``loss``: the weighted sum, in nats."""
    return (t.weights * t.losses).sum(axis=(-2, -1))


def report(t: Tape) -> Array:
    """The loss as it is returned."""
    return t.loss


def dlogits(t: Tape) -> Array:
    """``d``: softmax minus one-hot, times the token's part in the mean."""
    return (t.p - t.onehot) * t.weights


def factor(t: Tape) -> Array:
    """Nothing is left to multiply."""
    return t.d


def scatter(t: Tape) -> Array:
    """``dW``: every token's gradient is added to the row that it looked up."""
    return added(t.d, t.rows, t.V)


def finish(t: Tape) -> Array:
    """Nothing is left to do."""
    return t.dW


STAGES: dict[Stage, tuple[str, ...]] = {  # and the names of their results
    table: ("table",),
    pairs: ("rows", "ys"),
    weights: ("weights",),
    lookup: ("looked_up",),
    scores: ("logits",),
    softmax: ("p", "logp"),
    token_loss: ("losses",),
    total: ("loss",),
    report: ("loss",),
    dlogits: ("d",),
    factor: ("d",),
    scatter: ("dW",),
    finish: ("dW",),
}
RIGHT = {stage.__name__: stage for stage in STAGES}
RESULTS = {stage.__name__: names for stage, names in STAGES.items()}
SHARED = ("table", "pairs", "weights", "lookup", "scores", "softmax")
LOSS = (*SHARED, "token_loss", "total", "report")
GRADIENT = (*SHARED, "dlogits", "factor", "scatter", "finish")
ORDER = {"loss": LOSS, "dW": GRADIENT}


def normalised(x: Array, axis: int = -1) -> tuple[Array, Array]:
    """softmax and its logarithm along an axis. The maximum is taken of the real parts: what is
    taken off a row may be any constant."""
    z = x - x.real.max(axis=axis, keepdims=True)
    e = np.exp(z)
    s = e.sum(axis=axis, keepdims=True)
    return e / s, z - np.log(s)


def added(d: Array, rows: Ids, V: int) -> Array:
    """(N, V), summed by row of the table into (V, V)."""
    if d.ndim == 2:
        dW = np.zeros((V, V), d.dtype)
        np.add.at(dW, rows, d)
        return dW
    return np.eye(V, dtype=d.real.dtype)[rows].T @ d


def clipped(x: Array, low: Any, high: Any) -> Array:
    """``np.clip``, of complex numbers by their real parts: where it clips there is no
    derivative."""
    return np.where(x.real < low, low, np.where(x.real > high, high, x))


# --- the stages put together ----------------------------------------------------------------------


class Program:
    """Loss and gradient with some mistakes in them, and a memory; without any, right."""

    def __init__(self, mistakes: Iterable[Mistake] = ()) -> None:
        self.code: dict[str, dict[str, Stage]] = {"loss": dict(RIGHT), "dW": dict(RIGHT)}
        self.first = {"loss": len(LOSS), "dW": len(GRADIENT)}  # the first stage that is done wrong
        self.derived = self.coupled = False
        for mistake in mistakes:
            side, order = mistake.side, ORDER[mistake.side]
            for stage, code in mistake.code.items():
                self.code[side][stage] = given(code, mistake.chosen)
                if stage in order:
                    self.first[side] = min(self.first[side], order.index(stage))
            self.derived |= mistake.derived and side == "dW"
            self.coupled |= mistake.coupled and side == "dW"
        self.memory: dict[str, dict[Any, Any]] = {"loss": {}, "dW": {}}

    def loss(self, W: Array, idx: Ids, targets: Ids, right: Tape | None = None) -> Any:
        """The loss; ``right``: the tape of the right program on the same arguments, if it is at
        hand."""
        return self._run("loss", W, idx, targets, right).loss

    def gradient(self, W: Array, idx: Ids, targets: Ids, right: Tape | None = None) -> Array:
        """dW."""
        if self.derived:
            return self._derivative(W, idx, targets)
        return self._run("dW", W, idx, targets, right).dW

    def _run(self, side: str, W: Array, idx: Ids, targets: Ids, right: Tape | None = None) -> Tape:
        first = self.first[side] if right is not None else 0
        t = Tape(**vars(right)) if right is not None else Tape(W=W, idx=idx, targets=targets)
        t.memory = self.memory[side]
        self._walk(t, ORDER[side][first:], side)
        return t

    def _walk(self, t: Tape, stages: Sequence[str], side: str) -> None:
        for stage in stages:
            result = self.code[side][stage](t)
            names = RESULTS[stage]
            for name, value in zip(names, result if len(names) > 1 else (result,), strict=True):
                setattr(t, name, value)

    def _derivative(self, W: Array, idx: Ids, targets: Ids) -> Array:
        """The derivative of the loss that has the mistakes of the gradient's side, by complex step:
        one column of all tokens at once where a token's loss depends on its own logits alone."""
        t = Tape(W=W, idx=idx, targets=targets, memory=self.memory["dW"])
        V = t.V
        if self.coupled:
            t.dW = self._coupled_derivative(t)
            t.rows = idx.ravel()
        else:
            self._walk(t, ("table", "pairs", "weights"), "dW")
            t.table = t.table.astype(np.float64)
            # In front of all else, one axis for the columns; behind it one for amounts, or 1.
            t.looked_up = t.table[..., t.rows, :] + 1j * STEP * np.eye(V)[:, None, None, :]
            self._walk(t, ("scores", "softmax", "token_loss"), "dW")
            d = np.moveaxis((t.weights * t.losses).imag[..., 0] / STEP, 0, -1).astype(W.dtype)
            t.d = d[0] if len(d) == 1 else d
            self._walk(t, ("factor", "scatter"), "dW")
        self._walk(t, ("finish",), "dW")
        return t.dW

    def _coupled_derivative(self, t: Tape) -> Array:
        """The same where tokens depend on each other: one entry of the table at a time, some
        columns at once. Rows that are not looked up matter to a softmax of the whole table
        alone."""
        W, V = t.W, t.V
        rows = range(V) if self.code["dW"]["softmax"] is not softmax else np.unique(t.idx)
        dW = np.zeros(W.shape)
        for i in rows:
            for some in np.array_split(np.arange(V), 1 + V * V * V // 2_000_000):
                t.W = np.repeat(W[None].astype(np.complex128), len(some), axis=0)
                t.W[np.arange(len(some)), i, some] += 1j * STEP
                self._walk(t, LOSS[:-1], "dW")
                dW[i, some] = t.loss.imag / STEP
        t.W = W
        return dW.astype(W.dtype)


def right_tape(W: Array, idx: Ids, targets: Ids) -> Tape:
    """Every result of the right program."""
    program = Program()
    t = program._run("dW", W, idx, targets)
    program._walk(t, LOSS[len(SHARED) :], "loss")
    return t


def given(code: Any, chosen: tuple[Any, ...]) -> Stage:
    """``code`` with the amount and the variant behind its arguments; where it is a dict, the code
    of that variant, with the amount."""
    if isinstance(code, dict):
        code, chosen = code[chosen[-1]], chosen[:-1]
    return (lambda *arguments: code(*arguments, *chosen)) if chosen else code


def build(mistakes: Iterable[Mistake] = ()) -> Gradient:
    """A gradient with these mistakes in it, ``(W, idx, targets) -> (loss, dW)``, and a memory of
    its own; without any, a correct one."""
    program = Program(mistakes)

    def loss_and_gradient(W: Array, idx: Ids, targets: Ids) -> tuple[float, Array]:
        return float(program.loss(W, idx, targets)), program.gradient(W, idx, targets)

    return loss_and_gradient


def build_without_loss(mistakes: Iterable[Mistake]) -> Callable[[Array, Ids, Ids], Array]:
    """The same where only dW is asked for, as in training: ``(W, idx, targets) -> dW``."""
    return Program(mistakes).gradient


GRADIENTS: list[Mistake] = []  # each made in the gradient alone
LOSSES: list[Mistake] = []  # each made in the loss alone


def enter(
    name: str, *, in_loss: str = "", loss_alone: bool = False, derived: bool = False, **given: Any
) -> None:
    """Enters a mistake in the catalogue. ``given``: the stages done wrong, each a function of the
    tape, or a dict of one for each variant; and the fields of ``Mistake``.

    ``usual``: the amount that most people write. ``in_loss``: the name where only the loss has it.
    ``loss_alone``: it is nothing to a gradient.
    """
    code = {stage: given.pop(stage) for stage in RIGHT if stage in given}
    tables = [tuple(stage) for stage in code.values() if isinstance(stage, dict)]
    variants = given.pop("variants", None) or next(iter(tables), ())
    usual = (given.pop("usual"),) if "usual" in given else ()
    chosen = (*usual, *variants[:1])
    here = Mistake(name, code=code, entry=name, variants=variants, chosen=chosen, **given)
    if any(stage in LOSS for stage in code):
        LOSSES.append(replace(here, name=in_loss or f"{name}, in the loss", side="loss"))
    if not loss_alone:
        derive = derived or not any(stage in GRADIENT for stage in code)
        GRADIENTS.append(replace(here, derived=derive))


def mistake(name: str, stage: Stage, **given: Any) -> Callable[[Stage], Stage]:
    """Enters the function below it as that stage, with all else that ``enter`` takes."""

    def enter_function(code: Stage) -> Stage:
        code.__doc__ = given["why"]
        given[stage.__name__] = code
        enter(name, **given)
        return code

    return enter_function
