"""Mistakes on the way back: each is *one* stage of the gradient by hand done wrong, as it looks in
the wild, with a sentence on how it arises and one on how to mend it. Those that the loss can have
as well are in ``losses.py``, the stages themselves in ``stages.py``, the wrong optimizers in
``optimizers.py``.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bigram.doctor.mistakes import losses  # enters its own in the same catalogue
from bigram.doctor.mistakes.stages import (
    GRADIENTS,
    LOSSES,
    Gradient,
    Mistake,
    Stage,
    Tape,
    added,
    build,
    build_without_loss,
    clipped,
    dlogits,
    enter,
    figure,
    finish,
    mistake,
    normalised,
    scatter,
)
from common.arrays import Array, Ids

__all__ = ["GRADIENTS", "LOSSES", "Gradient", "Mistake", "build", "build_without_loss", "losses"]

# --- the derivative of one token ------------------------------------------------------------------


def through_softmax(p: Array, g: Array) -> Array:
    """``g``, a gradient at the probabilities, times the Jacobian of softmax."""
    return p * (g - (p * g).sum(axis=-1, keepdims=True))


enter(
    "one-hot not subtracted",
    why="The derivative of the log-sum is there, that of the target's own logit is forgotten.",
    mend="Subtract 1 at the target of every token.",
    dlogits=lambda t: t.p * t.weights,
)

enter(
    "times p (1 - p)",
    why="The derivative of the sigmoid is multiplied on, as after a squared error.",
    mend="Leave it out: against -log p it has already cancelled.",
    dlogits=lambda t: (t.p - t.onehot) * t.p * (1 - t.p) * t.weights,
)


@mistake(
    "two-class gradient of clipped probabilities",
    dlogits,
    amounts=(1e-300, 0.2),
    usual=1e-7,
    why="(q - y) / (q (1 - q)), q the clipped p, times p (1 - p): they cancel where q is p alone.",
    mend="p - onehot is the gradient at the logits: nothing is left to divide or multiply.",
)
def two_class_gradient(t: Tape, at: Array) -> Array:
    q = clipped(t.p, at, 1 - at)
    return (q - t.onehot) / (q * (1 - q)) * t.p * (1 - t.p) * t.weights


enter(
    "times p",
    why="p - onehot is multiplied by p, the first term of the softmax Jacobian.",
    mend="p - onehot is the gradient at the logits: nothing is left to multiply.",
    dlogits=lambda t: (t.p - t.onehot) * t.p * t.weights,
)


enter(
    "softmax Jacobian applied twice",
    why="p - onehot is taken for the gradient at the probabilities and sent through softmax again.",
    mend="p - onehot is the gradient at the logits: nothing is left to multiply.",
    dlogits=lambda t: through_softmax(t.p, t.p - t.onehot) * t.weights,
)


@mistake(
    "softmax Jacobian not applied",
    dlogits,
    why=(
        "-1 / p at the target is the gradient at the probabilities; the way through softmax is "
        "missing."
    ),
    mend="Multiply by the Jacobian diag(p) - p p^T: the product is p - onehot.",
)
def jacobian_not_applied(t: Tape) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(t.onehot == 1, -1 / t.p, 0) * t.weights


def quotient(t: Tape, at: Array) -> Array:
    """(N, 1), p over the p that is guarded, at the target."""
    p = t.at_targets(t.p)
    return p / np.maximum(p, at)


enter(
    "probability clipped in the quotient",
    amounts=(1e-300, 0.2),
    usual=1e-7,
    why=(
        "-1 / p is guarded by np.clip or a maximum, and where p is smaller the product is no "
        "longer 1."
    ),
    mend="Multiply out first: the gradient at the logits is p - onehot, without a quotient.",
    dlogits={
        "": lambda t, at: (t.p - t.onehot) * quotient(t, at) * t.weights,
        "the target's alone": lambda t, at: (
            np.where(t.onehot == 1, (t.p - 1) * quotient(t, at), t.p) * t.weights
        ),
    },
)

enter(
    "only the target's entry",
    why=(
        "Only -log p[target] is differentiated by its own logit; the others reach it through the "
        "sum."
    ),
    mend="Every logit of the row has the gradient p, and the target's has p - 1.",
    dlogits=lambda t: (t.p - 1) * t.onehot * t.weights,
)

enter(
    "target's entry left out",
    why="The loop over characters skips the target, or its case is written apart and never added.",
    mend="Every logit of the row has the gradient p, and the target's has p - 1.",
    dlogits=lambda t: t.p * (1 - t.onehot) * t.weights,
)

enter(
    "softmax not added",
    why="Of the log-softmax only the logit itself is differentiated, not the log of the sum.",
    mend="Add p, the derivative of the log of the sum: p - onehot.",
    dlogits=lambda t: -t.onehot * t.weights,
)

enter(
    "softmax not times the upstream sum",
    why=(
        "The backward of log-softmax adds p itself, not p times the sum of the gradient that "
        "comes in."
    ),
    mend="dlogits = dlogp - p * dlogp.sum(axis=1, keepdims=True).",
    dlogits=lambda t: t.p - t.onehot * t.weights,
)

enter(
    "one-hot not averaged",
    why="Only p is divided by N; the 1 at the target is subtracted afterwards.",
    mend="Subtract first, then divide: (p - onehot) / N.",
    dlogits=lambda t: t.p * t.weights - t.onehot,
)

enter(
    "1 subtracted from every entry",
    why="p - 1 for the whole row: the index of the target is missing.",
    mend="Subtract 1 at the target alone.",
    dlogits=lambda t: (t.p - 1) * t.weights,
)

enter(
    "target's id subtracted",
    why="p - targets: the ids themselves are broadcast instead of their one-hot rows.",
    mend="Subtract 1 at the target of every token.",
    dlogits=lambda t: (t.p - t.ys[:, None]) * t.weights,
)


def unweighted(t: Tape) -> Array:
    """p * (g - sum(g)), with g = -onehot / p."""
    with np.errstate(over="ignore", invalid="ignore"):
        return (np.exp(t.logp - t.at_targets(t.logp)) - t.onehot) * t.weights


enter(
    "softmax Jacobian's sum",
    why="The sum in p * (g - sum(p * g)) runs over the wrong axis, or has one p too many.",
    mend="Sum over the V candidates of each token: axis=1, keepdims=True.",
    dlogits={
        "over tokens": lambda t: (
            t.p * (t.onehot * t.weights).sum(axis=-2, keepdims=True) - t.onehot * t.weights
        ),
        "left out": lambda t: t.p * (t.p * t.weights) - t.onehot * t.weights,
        "not weighted by p": unweighted,
    },
)


@mistake(
    "maximum differentiated",
    dlogits,
    why=(
        "The row maximum is differentiated as well, though softmax is the same whatever is taken "
        "off."
    ),
    mend="Leave it out: its gradient is minus the sum of the row's, which is 0.",
)
def maximum_differentiated(t: Tape) -> Array:
    top = t.logits == t.logits.max(axis=-1, keepdims=True)
    return (t.p - t.onehot - top / top.sum(axis=-1, keepdims=True)) * t.weights


@mistake(
    "quotient by an underflowed probability",
    dlogits,
    unstable=True,
    why=(
        "-1 / p meets 1 / 0 where a probability is below the smallest number, and 0 * infinity "
        "follows."
    ),
    mend="Multiply out first: the gradient at the logits is p - onehot.",
)
def quotient_of_underflowed_probability(t: Tape) -> Array:
    with np.errstate(all="ignore"):
        return through_softmax(t.p, -t.onehot / t.p) * t.weights


enter(
    "one-hot subtracted twice",
    why="The 1 is subtracted at the target in the loss layer and by the caller once more.",
    mend="Subtract it in one of the two.",
    dlogits=lambda t: (t.p - 2 * t.onehot) * t.weights,
)

enter(
    "largest probability taken for 1",
    why="The one-hot of the argmax stands where the softmax belongs.",
    mend="Use the probabilities themselves.",
    dlogits=lambda t: (np.eye(t.V)[t.p.argmax(axis=-1)] - t.onehot) * t.weights,
)

enter(
    "sign of the softmax wrong",
    why="The backward of log-softmax adds p times the sum of the gradient; it must subtract it.",
    mend="d = g - p * g.sum(axis=1, keepdims=True).",
    dlogits=lambda t: (-t.p - t.onehot) * t.weights,
)

enter(
    "one subtracted from whole columns",
    why="d[:, targets] -= 1 lowers the column of every target for all tokens, not for its own.",
    mend="d[np.arange(N), targets] -= 1.",
    dlogits=lambda t: (t.p - np.isin(np.arange(t.V), t.ys)) * t.weights,
)


enter(
    "gradient of the logits clipped",
    amounts=(1e-6, 1.0),
    usual=0.01,
    why="np.clip is applied to each token's gradient, before they are added up.",
    mend="Clip in the training loop if at all: the gradient itself is finite.",
    factor={
        "": lambda t, at: np.clip(t.d, -at, at),
        "before the mean": lambda t, at: np.clip(t.d / t.weights, -at, at) * t.weights,
    },
)


# --- back to the table ----------------------------------------------------------------------------


def assigned(t: Tape, groups: Sequence[Any]) -> Array:
    """``dW[rows] += d`` for one group of tokens after the other."""
    dW = np.zeros((*t.d.shape[:-2], t.V, t.V), dtype=t.d.dtype)
    for some in groups:
        dW[..., t.rows[some], :] += t.d[..., some, :]
    return dW


def visits(t: Tape) -> Ids:
    """n, (V, 1): how often each row is looked up."""
    return np.bincount(t.rows, minlength=t.V)[:, None]


enter(
    "repeated ids lost",
    why=(
        "dW[idx] += d reads every row once, adds, and writes once: of a repeated id the last one "
        "stays."
    ),
    mend="np.add.at(dW, idx, d), or a one-hot matrix product, or counts.",
    scatter={
        "": lambda t: assigned(t, [slice(None)]),
        "the first one kept": lambda t: assigned(t, [slice(None, None, -1)]),
        "in each window": lambda t: assigned(t, np.array_split(np.arange(t.N), len(t.idx))),
        "at each position": lambda t: assigned(
            t, [slice(k, None, t.idx.shape[1]) for k in range(t.idx.shape[1])]
        ),
    },
)

enter(
    "transposed",
    why="The table is read as W[next, current] in one place and W[current, next] in another.",
    mend="Row i holds what follows i: add to dW[idx], not to dW[:, idx].",
    scatter=lambda t: np.swapaxes(added(t.d, t.rows, t.V), -1, -2),
)

enter(
    "added to the targets' rows",
    why="np.add.at(dW, targets, d): the row that is looked up is that of the input.",
    mend="np.add.at(dW, idx, d).",
    scatter=lambda t: added(t.d, t.ys, t.V),
)


def segments_of_all(t: Tape) -> Array:
    """A sum from the start of each id's segment to that of the next, absent ids as well."""
    starts = np.searchsorted(np.sort(t.rows), np.arange(t.V))
    d = t.d[..., np.argsort(t.rows, kind="stable"), :]
    return np.add.reduceat(d, np.minimum(starts, t.N - 1), axis=-2)


def segments_unsorted(t: Tape) -> Array:
    """The ids are sorted and their gradients are not."""
    ids, starts = np.unique(np.sort(t.rows), return_index=True)
    dW = np.zeros((*t.d.shape[:-2], t.V, t.V), t.d.dtype)
    dW[..., ids, :] = np.add.reduceat(t.d, starts, axis=-2)
    return dW


enter(
    "reduceat of segments",
    why="np.add.reduceat adds neighbours, and of an empty segment it returns the row at its start.",
    mend="Sort the gradients with the ids, and write sums of the ids that occur alone.",
    scatter={"that are empty": segments_of_all, "in the order of tokens": segments_unsorted},
)

enter(
    "averaged over repeated ids",
    why="The rows of a repeated id are averaged, as a pooled embedding would.",
    mend="Add them: each use of a row is a path to the loss.",
    scatter=lambda t: added(t.d, t.rows, t.V) / np.maximum(visits(t), 1),
)

enter(
    "multiplied by the count of the row",
    why="The sum over a row's tokens is multiplied by their number once more.",
    mend="Add each token once: the sum has the count in it.",
    scatter=lambda t: added(t.d, t.rows, t.V) * visits(t),
)

enter(
    "last character's row never written",
    why="A loop runs over range(V - 1).",
    mend="range(V) already stops at V - 1.",
    scatter=lambda t: np.where(
        np.arange(t.V)[:, None] < t.V - 1, added(t.d, t.rows, t.V), np.zeros((), t.d.dtype)
    ),
)

enter(
    "gradient of zeros",
    why=(
        "np.add.at(dW[rows], ...) adds into a copy, or the array returned is not the one that was "
        "filled."
    ),
    mend="np.add.at(dW, rows, d): the table itself comes first.",
    scatter=lambda t: 0 * added(t.d, t.rows, t.V),
)


@mistake(
    "rows in order of first use",
    scatter,
    variants=("sorted", "as they come"),
    why=(
        "The sums of the distinct characters are written to rows 0, 1, 2, ..., not to the "
        "characters' own."
    ),
    mend="Write each sum to dW[id].",
)
def rows_in_order(t: Tape, how: str) -> Array:
    ids, first = np.unique(t.rows, return_index=True)
    ids = ids if how == "sorted" else t.rows[np.sort(first)]
    dW = np.zeros((*t.d.shape[:-2], t.V, t.V), t.d.dtype)
    dW[..., : len(ids), :] = added(t.d, t.rows, t.V)[..., ids, :]
    return dW


enter(
    "every row gets the whole sum",
    why="dW[idx] += d.sum(axis=0): the gradients of all tokens are added before the rows are told.",
    mend="np.add.at(dW, idx, d).",
    scatter=lambda t: (visits(t) > 0) * t.d.sum(axis=-2, keepdims=True),
)


# --- afterwards -----------------------------------------------------------------------------------


@mistake(
    "accumulated across calls",
    finish,
    remembers=True,
    variants=("", "until V changes", "for each shape of idx"),
    why="The gradient is added to what the last call left, as .grad does without zero_grad.",
    mend="Start every call from zeros.",
)
def accumulated_across_calls(t: Tape, how: str) -> Array:
    key = (t.V, *(t.idx.shape if how[:3] == "for" else ()))
    before = t.memory.get(key, 0)
    if how[:5] == "until":
        t.memory.clear()
    t.memory[key] = before + t.dW
    return t.memory[key]


@mistake(
    "momentum left in",
    finish,
    remembers=True,
    amounts=(0.05, 0.9999),
    usual=0.9,
    why="A part of the gradient before is added, which belongs to the optimizer.",
    mend="Start every call from zeros; the optimizer keeps the moments.",
)
def momentum_left_in(t: Tape, beta: Array) -> Array:
    t.memory[t.V] = beta * t.memory.get(t.V, 0) + t.dW
    return t.memory[t.V]


@mistake(
    "gradient of an earlier call",
    finish,
    remembers=True,
    variants=(
        "the first of this V",
        "the first of these shapes",
        "the one before",
        "zeros at first",
    ),
    why=(
        "A result is cached by the shapes of the arguments, not by their values, or returned one "
        "call late."
    ),
    mend="Work the gradient out anew in every call.",
)
def gradient_of_an_earlier_call(t: Tape, how: str) -> Array:
    key = (t.V, *(t.idx.shape if "shapes" in how else ()))
    if "first of" in how:
        return t.memory.setdefault(key, t.dW)
    before = t.memory.get(key, t.dW if how == "the one before" else 0 * t.dW)
    t.memory[key] = t.dW
    return before


enter(
    "unvisited rows not zero",
    why="max(n, 1) against division by zero counts every absent character once.",
    mend="A character that is not in the batch has n = 0 and gradient 0.",
    finish=lambda t: np.where(visits(t) == 0, normalised(t.W)[0] / t.N, t.dW),
)

enter(
    "row counts taken of the targets",
    why="n is the sum of the columns of C: how often a character follows, not how often it leads.",
    mend="n = C.sum(axis=1, keepdims=True).",
    finish=lambda t: (
        t.dW + (np.bincount(t.ys, minlength=t.V)[:, None] - visits(t)) * normalised(t.W)[0] / t.N
    ),
)


def pair_counts(t: Tape) -> Ids:
    """C, (V, V)."""
    return np.bincount(t.rows * t.V + t.ys, minlength=t.V**2).reshape(t.V, t.V)


enter(
    "pair counts in few bits",
    variants=("bool", "int8", "uint8"),
    why="C is kept in a type too small for it, or as C > 0; n is not.",
    mend="Count in int64.",
    finish=lambda t, dtype: t.dW + (pair_counts(t) - pair_counts(t).astype(dtype)) / t.N,
)

enter(
    "pair counts transposed",
    why="The 1 of each pair is subtracted at (target, input), not at (input, target).",
    mend="C[idx, targets] counts what follows idx: its row is the input's.",
    finish=lambda t: t.dW + (pair_counts(t) - pair_counts(t).T) / t.N,
)

enter(
    "row counts smoothed",
    amounts=(1e-6, 100.0),
    usual=1.0,
    why="A number is added to every row's count against division by zero, and multiplies p.",
    mend="A character that is not in the batch has n = 0 and gradient 0.",
    finish=lambda t, amount: t.dW + amount * normalised(t.W)[0] / t.N,
)

enter(
    "transposed gradient added",
    why="The table is treated as if it were tied to a second one, its own transpose.",
    mend="Rows are looked up and nothing else: dW alone.",
    finish=lambda t: t.dW + np.swapaxes(t.dW, -1, -2),
)

enter(
    "sign of the gradient",
    variants=("", "over N"),
    why="np.sign belongs to an optimizer that uses nothing else of the gradient.",
    mend="Return the gradient itself.",
    finish=lambda t, how: np.sign(t.dW) / (t.N if how else 1),
)

enter(
    "counts smoothed",
    amounts=(1e-6, 100.0),
    usual=1.0,
    why=(
        "A number is added to every pair count, as for a count model, and the gradient is made of "
        "those."
    ),
    mend="The gradient is of the pairs in the batch: leave counts at zero where there were none.",
    finish=lambda t, amount: t.dW + amount * (t.V * normalised(t.W)[0] - 1) / t.N,
)


@mistake(
    "one entry off by 1e-9",
    finish,
    precision=True,
    why="A single cell is touched by something else: an index off by one, a race, a stray write.",
    mend="Look at what writes to the cell that the report names.",
)
def one_entry_off(t: Tape) -> Array:
    dW = t.dW.copy()
    dW[..., t.rows[0], -1] += 1e-9
    return dW


enter(
    "float32 where float64 was asked",
    variants=("", "float16"),
    precision=True,
    why=(
        "A default dtype somewhere on the way: torch.tensor of a list, np.float32 in a constructor."
    ),
    mend="Take the dtype from W and pass it on.",
    finish=lambda t, dtype: t.dW.astype(dtype or "float32").astype(t.dW.dtype),
)

enter(
    "gradient rounded",
    variants=tuple(f"to {k} places" for k in range(1, 13)),
    precision=True,
    why="np.round belongs to the printed gradient, not to the one that is returned.",
    mend="Round where it is printed.",
    finish=lambda t, how: np.round(t.dW, int(how.split()[1])),
)

enter(
    "gradient clipped by value",
    amounts=(1e-6, 100.0),
    usual=0.1,
    why="np.clip against exploding gradients is left in.",
    mend="Clip in the training loop if at all: the gradient itself is finite.",
    finish=lambda t, at: np.clip(t.dW, -at, at),
)


def length(dW: Array, axis: Any = (-2, -1)) -> Array:
    """The Euclidean norm of the whole table."""
    return np.sqrt((dW * dW).sum(axis=axis, keepdims=True))


NORMS: dict[str, Callable[[Array], Array]] = {
    "of the table and 1e-6": lambda dW: length(dW) + 1e-6,  # torch
    "of the table": length,
    "of each row": lambda dW: length(dW, -1),
}


@mistake(
    "gradient clipped by norm",
    finish,
    amounts=(1e-6, 100.0),
    usual=1.0,
    variants=tuple(NORMS),
    why="A gradient longer than that is shortened, as clip_grad_norm_ does before a step.",
    mend="Clip in the training loop if at all: the gradient itself is finite.",
)
def clipped_by_norm(t: Tape, at: Array, of: str) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return t.dW * np.minimum(1, np.nan_to_num(at / NORMS[of](t.dW), nan=1.0))


@mistake(
    "gradient normalised",
    finish,
    variants=tuple(NORMS)[1:],
    why="The gradient is divided by its length, so its size says nothing any more.",
    mend="Return it as it is.",
)
def gradient_normalised(t: Tape, of: str) -> Array:
    norm = NORMS[of](t.dW)
    return np.divide(t.dW, norm, where=norm > 0, out=np.zeros_like(t.dW))


enter(
    "table after a step returned",
    amounts=(1e-6, 1000.0),
    usual=0.1,
    why="The update is made in the same function, and its result returned for the gradient.",
    mend="Return dW and leave the update to the optimizer.",
    finish=lambda t, lr: t.W - lr * t.dW,
)

enter(
    "mean of each column taken off",
    why=(
        "The gradient is centred along the wrong axis, or as an optimizer with centralisation does."
    ),
    mend="Return it as it is: each row sums to zero already, a column need not.",
    finish=lambda t: t.dW - t.dW.mean(axis=-2, keepdims=True),
)


def reached(size: int, block: int, how: str) -> int:
    """How far a loop in blocks gets that stops after the first, or leaves the tail out."""
    return size // block * block if how else block


@mistake(
    "only part of the table",
    finish,
    variants=tuple(
        (of, block, how)
        for of in ("columns", "rows")
        for block in (2, 4, 8, 16, 32, 64, 128, 256)
        for how in ("", "or the last full block")
    ),
    why="A tile holds so many rows or columns, and those beyond it are never reached.",
    mend="Handle the tail: loop up to V, not to a fixed number or a multiple of one.",
)
def only_part_of_the_table(t: Tape, which: tuple[str, int, str]) -> Array:
    of, block, how = which
    kept = np.arange(t.V) < reached(t.V, block, how)
    return np.where(kept if of == "columns" else kept[:, None], t.dW, np.zeros((), t.dW.dtype))


# --- factors: found by the ratio to the right gradient, and named by it ---------------------------

RATIOS: dict[str, Callable[..., float]] = {  # of B, T and V, by the name of the ratio
    "": lambda B, T, V: 1,
    "N": lambda B, T, V: B * T,
    "T": lambda B, T, V: T,
    "B": lambda B, T, V: B,
    "V": lambda B, T, V: V,
    "1/N": lambda B, T, V: 1 / (B * T),
    "1/B": lambda B, T, V: 1 / B,
    "1/T": lambda B, T, V: 1 / T,
    "1/V": lambda B, T, V: 1 / V,
    "N/V": lambda B, T, V: B * T / V,
    "V/N": lambda B, T, V: V / (B * T),
    "sqrt(V)": lambda B, T, V: V**0.5,
    "1/sqrt(V)": lambda B, T, V: V**-0.5,
    "sqrt(N)": lambda B, T, V: (B * T) ** 0.5,
    "1/V**2": lambda B, T, V: 1 / V**2,
}
# fmt: off
FACTORS = (  # number, ratio, name, name in the loss, why, mend
    (1.0, "N", "sum instead of mean", "loss summed, not averaged",
     "The 1 / N of the mean is forgotten: reduction='sum', or a total that is never divided.",
     "Divide by N = B * T."),
    (1.0, "T", "mean over B only", "loss averaged over B only",
     "len(idx) is the number of windows, not of tokens.",
     "Divide by B * T: idx.size, not len(idx)."),
    (1.0, "B", "mean over T only", "loss averaged over T only",
     "The mean is taken along time and the batch is summed.",
     "Divide by B * T."),
    (1.0, "1/V", "off by a factor of V", "loss divided by V",
     "dlogits.mean() or np.mean over an (N, V) array divides by V as well.",
     "Divide by the number of tokens, not of entries."),
    (1.0, "1/N", "divided by N twice", "loss divided by N twice",
     "The mean is taken in the loss and again in the scatter.",
     "Divide once."),
    (1 / np.log(2), "", "log base 2", "loss in bits",
     "np.log2 where np.log is meant: bits are larger than nats by 1 / ln 2 = 1.4427.",
     "Use the natural logarithm, or compare with a loss in bits."),
    (-1.0, "", "sign flipped", "sign of the loss flipped",
     "The loss is minus the log-probability, and the minus is lost.",
     "p - onehot, not onehot - p; and the loss is never negative."),
)
# fmt: on


def ratio_of(word: str, idx: Ids, V: int) -> float:
    """The ratio of that name."""
    return RATIOS[word](len(idx), idx.size // len(idx), V)


def scaled(number: float, word: str) -> dict[str, Stage]:
    """The stages that multiply ``d`` and the loss."""
    return {
        "factor": lambda t: t.d * number * ratio_of(word, t.idx, t.V),
        "report": lambda t: t.loss * number * ratio_of(word, t.idx, t.V),
    }


for _number, _ratio, _name, _in_loss, _why, _mend in FACTORS:
    _stages: dict[str, Any] = scaled(_number, _ratio)
    enter(_name, in_loss=_in_loss, why=_why, mend=_mend, ratio=(_number, _ratio), **_stages)


def off_by_a_factor(number: float, ratio: str, side: str) -> Mistake:
    """The entry for any other ratio: its name says which."""
    said = figure(number) if number != 1 or not ratio else ""
    word = f"{said} {ratio}" if said and ratio else said or ratio
    name = f"off by a factor, {word}" if side == "dW" else f"loss off by a factor, {word}"
    why = (
        f"It is {word} times the right one: a constant, a loss scale or a mean too many or too few."
    )
    mend = "Look for what is multiplied or divided between loss and gradient."
    code = scaled(number, ratio)
    return Mistake(name, why, mend, code, "off by a factor", side, ratio=(number, ratio))
