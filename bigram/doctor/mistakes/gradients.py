"""Mistakes on the way back: each is *one* stage of the gradient by hand done wrong, as it looks in
the wild, with a sentence on how it arises and one on how to mend it. Those that the loss can have
as well are in ``losses.py``, the stages themselves in ``stages.py``, the wrong optimizers in
``optimizers.py``.
"""

from collections.abc import Callable
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
    factor,
    figure,
    finish,
    mistake,
    normalised,
    scatter,
)
from common.arrays import Array

__all__ = ["GRADIENTS", "LOSSES", "Gradient", "Mistake", "build", "build_without_loss"]

# --- the derivative of one token ------------------------------------------------------------------


@mistake(
    "one-hot not subtracted",
    dlogits,
    why="The derivative of the log-sum is there, that of the target's own logit is forgotten.",
    mend="Subtract 1 at the target of every token.",
)
def one_hot_not_subtracted(t: Tape) -> Array:
    return t.p * t.weights


@mistake(
    "times p (1 - p)",
    dlogits,
    why="The derivative of the sigmoid is multiplied on, as after a squared error.",
    mend="Leave it out: against -log p it has already cancelled.",
)
def times_p_one_minus_p(t: Tape) -> Array:
    return (t.p - t.onehot) * t.p * (1 - t.p) * t.weights


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


@mistake(
    "times p",
    dlogits,
    why="p - onehot is multiplied by p, the first term of the softmax Jacobian.",
    mend="p - onehot is the gradient at the logits: nothing is left to multiply.",
)
def times_p(t: Tape) -> Array:
    return (t.p - t.onehot) * t.p * t.weights


@mistake(
    "softmax Jacobian applied twice",
    dlogits,
    why="p - onehot is taken for the gradient at the probabilities and sent through softmax again.",
    mend="p - onehot is the gradient at the logits: nothing is left to multiply.",
)
def jacobian_applied_twice(t: Tape) -> Array:
    d = t.p - t.onehot
    return t.p * (d - (t.p * d).sum(axis=-1, keepdims=True)) * t.weights


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


QUOTIENTS: dict[str, Callable[..., Array]] = {
    "": lambda t, q: (t.p - t.onehot) * q,
    "the target's alone": lambda t, q: np.where(t.onehot == 1, (t.p - 1) * q, t.p),
}


@mistake(
    "probability clipped in the quotient",
    dlogits,
    amounts=(1e-300, 0.2),
    usual=1e-7,
    variants=tuple(QUOTIENTS),
    why=(
        "-1 / p is guarded by np.clip or a maximum, and where p is smaller the product is no "
        "longer 1."
    ),
    mend="Multiply out first: the gradient at the logits is p - onehot, without a quotient.",
)
def clipped_in_the_quotient(t: Tape, at: Array, how: str) -> Array:
    p = t.at_targets(t.p)
    return QUOTIENTS[how](t, p / np.maximum(p, at)) * t.weights


@mistake(
    "only the target's entry",
    dlogits,
    why=(
        "Only -log p[target] is differentiated by its own logit; the others reach it through the "
        "sum."
    ),
    mend="Every logit of the row has the gradient p, and the target's has p - 1.",
)
def only_the_targets_entry(t: Tape) -> Array:
    return (t.p - 1) * t.onehot * t.weights


@mistake(
    "target's entry left out",
    dlogits,
    why="The loop over characters skips the target, or its case is written apart and never added.",
    mend="Every logit of the row has the gradient p, and the target's has p - 1.",
)
def targets_entry_left_out(t: Tape) -> Array:
    return t.p * (1 - t.onehot) * t.weights


@mistake(
    "softmax not added",
    dlogits,
    why="Of the log-softmax only the logit itself is differentiated, not the log of the sum.",
    mend="Add p, the derivative of the log of the sum: p - onehot.",
)
def softmax_not_added(t: Tape) -> Array:
    return -t.onehot * t.weights


@mistake(
    "softmax not times the upstream sum",
    dlogits,
    why=(
        "The backward of log-softmax adds p itself, not p times the sum of the gradient that "
        "comes in."
    ),
    mend="dlogits = dlogp - p * dlogp.sum(axis=1, keepdims=True).",
)
def softmax_not_times_upstream(t: Tape) -> Array:
    return t.p - t.onehot * t.weights


@mistake(
    "one-hot not averaged",
    dlogits,
    why="Only p is divided by N; the 1 at the target is subtracted afterwards.",
    mend="Subtract first, then divide: (p - onehot) / N.",
)
def one_hot_not_averaged(t: Tape) -> Array:
    return t.p * t.weights - t.onehot


@mistake(
    "1 subtracted from every entry",
    dlogits,
    why="p - 1 for the whole row: the index of the target is missing.",
    mend="Subtract 1 at the target alone.",
)
def one_subtracted_everywhere(t: Tape) -> Array:
    return (t.p - 1) * t.weights


@mistake(
    "target's id subtracted",
    dlogits,
    why="p - targets: the ids themselves are broadcast instead of their one-hot rows.",
    mend="Subtract 1 at the target of every token.",
)
def id_subtracted(t: Tape) -> Array:
    return (t.p - t.ys[:, None]) * t.weights


SUMS: dict[str, Callable[..., Array]] = {
    "over tokens": lambda t: (t.onehot * t.weights).sum(axis=-2, keepdims=True),
    "left out": lambda t: t.p * t.weights,
}


@mistake(
    "softmax Jacobian's sum",
    dlogits,
    variants=tuple(SUMS),
    why="The sum in p * (g - sum(p * g)) runs over the wrong axis, or has one p too many.",
    mend="Sum over the V candidates of each token: axis=1, keepdims=True.",
)
def jacobians_sum(t: Tape, how: str) -> Array:
    return t.p * SUMS[how](t) - t.onehot * t.weights


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
        g = -t.onehot / t.p
        return t.p * (g - (t.p * g).sum(axis=-1, keepdims=True)) * t.weights


@mistake(
    "one-hot subtracted twice",
    dlogits,
    why="The 1 is subtracted at the target in the loss layer and by the caller once more.",
    mend="Subtract it in one of the two.",
)
def one_hot_subtracted_twice(t: Tape) -> Array:
    return (t.p - 2 * t.onehot) * t.weights


@mistake(
    "largest probability taken for 1",
    dlogits,
    why="The one-hot of the argmax stands where the softmax belongs.",
    mend="Use the probabilities themselves.",
)
def argmax_for_softmax(t: Tape) -> Array:
    return (np.eye(t.V)[t.p.argmax(axis=-1)] - t.onehot) * t.weights


@mistake(
    "sign of the softmax wrong",
    dlogits,
    why="The backward of log-softmax adds p times the sum of the gradient; it must subtract it.",
    mend="d = g - p * g.sum(axis=1, keepdims=True).",
)
def sign_of_softmax_wrong(t: Tape) -> Array:
    return (-t.p - t.onehot) * t.weights


@mistake(
    "one subtracted from whole columns",
    dlogits,
    why="d[:, targets] -= 1 lowers the column of every target for all tokens, not for its own.",
    mend="d[np.arange(N), targets] -= 1.",
)
def whole_columns(t: Tape) -> Array:
    return (t.p - np.isin(np.arange(t.V), t.ys)) * t.weights


@mistake(
    "gradient of the logits clipped",
    factor,
    amounts=(1e-6, 1.0),
    usual=0.01,
    variants=("", "before the mean"),
    why="np.clip is applied to each token's gradient, before they are added up.",
    mend="Clip in the training loop if at all: the gradient itself is finite.",
)
def logit_gradient_clipped(t: Tape, at: Array, when: str) -> Array:
    part = t.weights if when else 1
    return np.clip(t.d / part, -at, at) * part


# --- back to the table ----------------------------------------------------------------------------

LOST: dict[str, Callable[..., Any]] = {
    "": lambda t: [np.arange(t.N)],
    "the first one kept": lambda t: [np.arange(t.N)[::-1]],
    "in each window": lambda t: np.array_split(np.arange(t.N), len(t.idx)),
    "at each position": lambda t: [
        np.arange(t.N)[k :: t.idx.shape[1]] for k in range(t.idx.shape[1])
    ],
}


@mistake(
    "repeated ids lost",
    scatter,
    variants=tuple(LOST),
    why=(
        "dW[idx] += d reads every row once, adds, and writes once: of a repeated id the last one "
        "stays."
    ),
    mend="np.add.at(dW, idx, d), or a one-hot matrix product, or counts.",
)
def repeated_ids_lost(t: Tape, how: str) -> Array:
    dW = np.zeros((*t.d.shape[:-2], t.V, t.V), dtype=t.d.dtype)
    for some in LOST[how](t):
        dW[..., t.rows[some], :] += t.d[..., some, :]
    return dW


@mistake(
    "transposed",
    scatter,
    why="The table is read as W[next, current] in one place and W[current, next] in another.",
    mend="Row i holds what follows i: add to dW[idx], not to dW[:, idx].",
)
def transposed(t: Tape) -> Array:
    return np.swapaxes(added(t.d, t.rows, t.V), -1, -2)


@mistake(
    "added to the targets' rows",
    scatter,
    why="np.add.at(dW, targets, d): the row that is looked up is that of the input.",
    mend="np.add.at(dW, idx, d).",
)
def added_to_the_targets(t: Tape) -> Array:
    return added(t.d, t.ys, t.V)


@mistake(
    "averaged over repeated ids",
    scatter,
    why="The rows of a repeated id are averaged, as a pooled embedding would.",
    mend="Add them: each use of a row is a path to the loss.",
)
def averaged_over_repeated_ids(t: Tape) -> Array:
    n = np.bincount(t.rows, minlength=t.V)
    return added(t.d, t.rows, t.V) / np.maximum(n, 1)[:, None]


@mistake(
    "multiplied by the count of the row",
    scatter,
    why="The sum over a row's tokens is multiplied by their number once more.",
    mend="Add each token once: the sum has the count in it.",
)
def multiplied_by_the_count(t: Tape) -> Array:
    return added(t.d, t.rows, t.V) * np.bincount(t.rows, minlength=t.V)[:, None]


@mistake(
    "last character's row never written",
    scatter,
    why="A loop runs over range(V - 1).",
    mend="range(V) already stops at V - 1.",
)
def last_row_never_written(t: Tape) -> Array:
    dW = added(t.d, t.rows, t.V)
    dW[..., t.V - 1, :] = 0
    return dW


@mistake(
    "gradient of zeros",
    scatter,
    why=(
        "np.add.at(dW[rows], ...) adds into a copy, or the array returned is not the one that was "
        "filled."
    ),
    mend="np.add.at(dW, rows, d): the table itself comes first.",
)
def gradient_of_zeros(t: Tape) -> Array:
    return 0 * added(t.d, t.rows, t.V)


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


@mistake(
    "every row gets the whole sum",
    scatter,
    why="dW[idx] += d.sum(axis=0): the gradients of all tokens are added before the rows are told.",
    mend="np.add.at(dW, idx, d).",
)
def every_row_gets_the_sum(t: Tape) -> Array:
    visited = np.bincount(t.rows, minlength=t.V)[:, None] > 0
    return visited * t.d.sum(axis=-2, keepdims=True)


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


@mistake(
    "unvisited rows not zero",
    finish,
    why="max(n, 1) against division by zero counts every absent character once.",
    mend="A character that is not in the batch has n = 0 and gradient 0.",
)
def unvisited_rows_not_zero(t: Tape) -> Array:
    dW, absent = t.dW.copy(), np.bincount(t.rows, minlength=t.V) == 0
    dW[..., absent, :] = normalised(t.W)[0][..., absent, :] / t.N
    return dW


@mistake(
    "row counts smoothed",
    finish,
    amounts=(1e-6, 100.0),
    usual=1.0,
    why="A number is added to every row's count against division by zero, and multiplies p.",
    mend="A character that is not in the batch has n = 0 and gradient 0.",
)
def row_counts_smoothed(t: Tape, amount: Array) -> Array:
    return t.dW + amount * normalised(t.W)[0] / t.N


@mistake(
    "transposed gradient added",
    finish,
    why="The table is treated as if it were tied to a second one, its own transpose.",
    mend="Rows are looked up and nothing else: dW alone.",
)
def transposed_gradient_added(t: Tape) -> Array:
    return t.dW + np.swapaxes(t.dW, -1, -2)


@mistake(
    "sign of the gradient",
    finish,
    variants=("", "over N"),
    why="np.sign belongs to an optimizer that uses nothing else of the gradient.",
    mend="Return the gradient itself.",
)
def sign_of_the_gradient(t: Tape, how: str) -> Array:
    return np.sign(t.dW) / (t.N if how else 1)


@mistake(
    "counts smoothed",
    finish,
    amounts=(1e-6, 100.0),
    usual=1.0,
    why=(
        "A number is added to every pair count, as for a count model, and the gradient is made of "
        "those."
    ),
    mend="The gradient is of the pairs in the batch: leave counts at zero where there were none.",
)
def counts_smoothed(t: Tape, amount: Array) -> Array:
    return t.dW + amount * (t.V * normalised(t.W)[0] - 1) / t.N


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


@mistake(
    "float32 where float64 was asked",
    finish,
    variants=("", "float16"),
    precision=True,
    why=(
        "A default dtype somewhere on the way: torch.tensor of a list, np.float32 in a constructor."
    ),
    mend="Take the dtype from W and pass it on.",
)
def float32_where_float64_was_asked(t: Tape, dtype: str) -> Array:
    return t.dW.astype(dtype or "float32").astype(t.dW.dtype)


@mistake(
    "gradient rounded",
    finish,
    variants=tuple(f"to {k} places" for k in range(1, 13)),
    precision=True,
    why="np.round belongs to the printed gradient, not to the one that is returned.",
    mend="Round where it is printed.",
)
def gradient_rounded(t: Tape, how: str) -> Array:
    return np.round(t.dW, int(how.split()[1]))


@mistake(
    "gradient clipped by value",
    finish,
    amounts=(1e-6, 100.0),
    usual=0.1,
    why="np.clip against exploding gradients is left in.",
    mend="Clip in the training loop if at all: the gradient itself is finite.",
)
def clipped_by_value(t: Tape, at: Array) -> Array:
    return np.clip(t.dW, -at, at)


NORMS: dict[str, Callable[..., Array]] = {
    # torch
    "of the table and 1e-6": lambda dW: np.sqrt((dW * dW).sum(axis=(-2, -1), keepdims=True)) + 1e-6,
    "of the table": lambda dW: np.sqrt((dW * dW).sum(axis=(-2, -1), keepdims=True)),
    "of each row": lambda dW: np.sqrt((dW * dW).sum(axis=-1, keepdims=True)),
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


@mistake(
    "table after a step returned",
    finish,
    amounts=(1e-6, 1000.0),
    usual=0.1,
    why="The update is made in the same function, and its result returned for the gradient.",
    mend="Return dW and leave the update to the optimizer.",
)
def table_returned(t: Tape, lr: Array) -> Array:
    return t.W - lr * t.dW


@mistake(
    "mean of each column taken off",
    finish,
    why=(
        "The gradient is centred along the wrong axis, or as an optimizer with centralisation does."
    ),
    mend="Return it as it is: each row sums to zero already, a column need not.",
)
def mean_taken_off(t: Tape) -> Array:
    return t.dW - t.dW.mean(axis=-2, keepdims=True)


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
    dW, end = t.dW.copy(), losses.reached(t.V, block, how)
    dW[(..., slice(end, None)) if of == "columns" else (..., slice(end, None), slice(None))] = 0
    return dW


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


def scaled(stage_result: str, number: float, ratio: str) -> Stage:
    """Multiplies ``d`` or the loss."""

    def code(t: Tape, *chosen: object) -> Array:
        return (
            getattr(t, stage_result)
            * number
            * RATIOS[ratio](len(t.idx), t.idx.size // len(t.idx), t.V)
        )

    return code


for _number, _ratio, _name, _in_loss, _why, _mend in FACTORS:
    mistake(
        _name,
        factor,
        report=scaled("loss", _number, _ratio),
        in_loss=_in_loss,
        why=_why,
        mend=_mend,
        ratio=(_number, _ratio),
    )(scaled("d", _number, _ratio))


def off_by_a_factor(number: float, ratio: str, side: str) -> Mistake:
    """The entry for any other ratio: its name says which."""
    said = figure(number) if number != 1 or not ratio else ""
    word = f"{said} {ratio}" if said and ratio else said or ratio
    name = f"off by a factor, {word}" if side == "dW" else f"loss off by a factor, {word}"
    code = {"factor": scaled("d", number, ratio), "report": scaled("loss", number, ratio)}
    why = (
        f"It is {word} times the right one: a constant, a loss scale or a mean too many or too few."
    )
    mend = "Look for what is multiplied or divided between loss and gradient."
    return Mistake(name, why, mend, code, "off by a factor", side, ratio=(number, ratio))
