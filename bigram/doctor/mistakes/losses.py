"""Mistakes on the way to the loss. Each can be made in the loss, in the gradient by hand, and in
both; and each has an exact derivative, which autograd returns with it. Those of a gradient alone
are in ``gradients.py``, and the stages in ``stages.py``.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from bigram.doctor.mistakes.stages import (
    Tape,
    added,
    clipped,
    mistake,
    normalised,
    pairs,
    report,
    scores,
    softmax,
    table,
    token_loss,
    total,
    weights,
)
from common.arrays import Array, Ids

TokenPairs = tuple[Ids, Ids]
Probabilities = tuple[Array, Array]

# --- the table ------------------------------------------------------------------------------------


@mistake(
    "table of the first call kept",
    table,
    remembers=True,
    variants=("", "until V changes"),
    why=(
        "A model is made once for each size, with a copy of the first W, and later calls use that "
        "copy."
    ),
    mend="Read the W that is handed over in every call.",
)
def first_table_kept(t: Tape, how: str) -> Array:
    if how and t.V not in t.memory:
        t.memory.clear()
    return t.memory.setdefault(t.V, t.W)


@mistake(
    "table read by columns",
    table,
    scatter=lambda t: np.swapaxes(added(t.d, t.rows, t.V), -1, -2),
    why="The table is taken for W[next, current]: W[:, idx] in loss and gradient.",
    mend="Row i holds what follows i: W[idx].",
)
def table_read_by_columns(t: Tape) -> Array:
    return np.swapaxes(t.W, -1, -2)


@mistake(
    "table rounded",
    table,
    variants=("float32", "float16"),
    precision=True,
    why="W is cast to a shorter type first, and its digits do not come back.",
    mend="Take the dtype from W and pass it on.",
)
def table_rounded(t: Tape, dtype: str) -> Array:
    return t.W.real.astype(dtype).astype(t.W.dtype)


# --- which pairs ----------------------------------------------------------------------------------


@mistake(
    "targets not shifted",
    pairs,
    why="The batch is cut once and used for both, so the model learns to repeat its input.",
    mend="Take the targets one character further on: y = data[i + 1 : i + T + 1].",
)
def targets_not_shifted(t: Tape) -> TokenPairs:
    return t.idx.ravel(), t.idx.ravel()


@mistake(
    "targets shifted the wrong way",
    pairs,
    why="np.roll(x, 1) moves to the right, so every character is asked for the one before it.",
    mend="Shift to the left: what follows x[t] is x[t + 1].",
)
def targets_shifted_the_wrong_way(t: Tape) -> TokenPairs:
    return t.idx.ravel(), np.roll(t.idx, 1, axis=1).ravel()


SHIFTS: dict[str, Callable[..., Any]] = {
    "logits[:, :-1] against targets[:, 1:]": lambda x, y: (x[:, :-1], y[:, 1:]),
    "over the flat batch": lambda x, y: (x.ravel()[:-1], y.ravel()[1:]),
    "rolled in each window": lambda x, y: (x, np.roll(y, -1, axis=1)),
    "rolled over the flat batch": lambda x, y: (x, np.roll(y.ravel(), -1)),
    "idx[:, :-1] against idx[:, 1:]": lambda x, y: (x[:, :-1], x[:, 1:]),
    "idx rolled": lambda x, y: (x, np.roll(x, -1, axis=1)),
}


@mistake(
    "targets shifted twice",
    pairs,
    variants=tuple(SHIFTS),
    why="The targets are one character on already, and the loss shifts them once more.",
    mend="Compare position t with targets[:, t]: nothing is left to shift.",
)
def targets_shifted_twice(t: Tape, how: str) -> TokenPairs:
    rows, ys = SHIFTS[how](t.idx, t.targets)
    return rows.ravel(), ys.ravel()


@mistake(
    "inputs and targets swapped",
    pairs,
    why="The arguments are handed over in the wrong order.",
    mend="The rows come from idx, the one-hot from targets.",
)
def inputs_and_targets_swapped(t: Tape) -> TokenPairs:
    return t.targets.ravel(), t.idx.ravel()


@mistake(
    "last position only",
    pairs,
    in_loss="loss of the last position only",
    why="A line from generate, logits[:, -1], is left in the loss.",
    mend="Training uses every position: flatten (B, T) to N = B * T tokens.",
)
def last_position_only(t: Tape) -> TokenPairs:
    return t.idx[:, -1], t.targets[:, -1]


LEFT_OUT: dict[str, Callable[..., Any]] = {
    "the last position": lambda x: x[:, :-1],
    "the first position": lambda x: x[:, 1:],
    "the last token": lambda x: x.ravel()[:-1],
    "the first token": lambda x: x.ravel()[1:],
    "the last window": lambda x: x[:-1],
    "the first window": lambda x: x[1:],
    "all positions but the first": lambda x: x[:, :1],
    "all windows but the first": lambda x: x[:1],
    "all windows but the last": lambda x: x[-1:],
}


@mistake(
    "tokens left out",
    pairs,
    variants=tuple(LEFT_OUT),
    why="A slice or a range ends one too early, or only one window or position is indexed.",
    mend="Every token of (B, T) is a pair: idx.ravel(), targets.ravel().",
)
def tokens_left_out(t: Tape, which: str) -> TokenPairs:
    return LEFT_OUT[which](t.idx).ravel(), LEFT_OUT[which](t.targets).ravel()


ORDERS: dict[str, Callable[..., Any]] = {
    "": lambda x, y: (x.T.ravel(), y.ravel()),
    "targets transposed": lambda x, y: (x.ravel(), y.T.ravel()),
    "each window of idx reversed": lambda x, y: (x[:, ::-1].ravel(), y.ravel()),
    "windows of targets reversed": lambda x, y: (x.ravel(), y[::-1].ravel()),
}


@mistake(
    "idx and targets flattened in different orders",
    pairs,
    variants=tuple(ORDERS),
    why="One of the two was transposed to (T, B) and reshaped back, or reversed, the other not.",
    mend="Flatten both from the same (B, T) layout.",
)
def flattened_in_different_orders(t: Tape, how: str) -> TokenPairs:
    rows, ys = ORDERS[how](t.idx, t.targets)
    return rows.ravel(), ys.ravel()


@mistake(
    "one-hot one place off",
    pairs,
    variants=("", "downwards"),
    why="Ids that start from 1, or a vocabulary with one more character than the other's.",
    mend="Subtract 1 at targets itself; ids start from 0.",
)
def one_hot_one_place_off(t: Tape, way: str) -> TokenPairs:
    return t.idx.ravel(), (t.targets.ravel() + (-1 if way else 1)) % t.V


@mistake(
    "rows one place off",
    pairs,
    variants=("", "downwards"),
    why="Ids that start from 1, or a table with a row for padding in front.",
    mend="Look up idx itself; ids start from 0.",
)
def rows_one_place_off(t: Tape, way: str) -> TokenPairs:
    return (t.idx.ravel() + (-1 if way else 1)) % t.V, t.targets.ravel()


@mistake(
    "ids in 8 bits",
    pairs,
    variants=("uint8", "int8"),
    why=(
        "Ids are cast to one byte to save memory: from 256 characters on (128 with a sign) they "
        "wrap around."
    ),
    mend="Keep ids in int64, or in the smallest type that holds V - 1.",
)
def ids_in_8_bits(t: Tape, dtype: str) -> TokenPairs:
    return t.idx.ravel().astype(dtype).astype(int) % t.V, t.targets.ravel().astype(dtype).astype(
        int
    ) % t.V


# --- the part of each token in the mean -----------------------------------------------------------


def shares(keep: Array, over: str, N: int) -> Array:
    """The weights (N, 1) of the tokens that are kept, in a mean over them or over all."""
    return np.where(keep, 1.0, 0.0)[:, None] / max(1, keep.sum() if over == "the rest" else N)


@mistake(
    "a character taken for padding",
    weights,
    variants=tuple(
        f"{ids} {i}, mean over {over}"
        for over in ("the rest", "all")
        for ids in ("targets", "inputs")
        for i in (0, 1, -1)
        if (ids, i, over)
        not in (("inputs", 0, "all"), ("inputs", -1, "all"))  # have their own entries
    ),
    why=(
        "ignore_index=0, padding_idx=0 or a mask leaves tokens out, though each id is a character "
        "here."
    ),
    mend="There is no padding: every token has its part in loss and gradient.",
)
def a_character_taken_for_padding(t: Tape, which: str) -> Array:
    words, over = which.split(", mean over ")
    ids, i = words.split()
    return shares((t.ys if ids == "targets" else t.rows) != int(i) % t.V, over, t.N).astype(
        t.W.real.dtype
    )


@mistake(
    "first character taken for padding",
    weights,
    why="nn.Embedding(padding_idx=0), or a mask of idx != 0, though 0 is a character here.",
    mend="There is no padding: every id has a row and every row a gradient.",
)
def first_character_taken_for_padding(t: Tape) -> Array:
    return shares(t.rows != 0, "all", t.N).astype(t.W.real.dtype)


@mistake(
    "micro-batches added, not averaged",
    weights,
    variants=tuple(
        (parts, of, how)
        for parts in (2, 4)
        for of in ("windows", "tokens")
        for how in ("", "evenly")
    ),
    why=(
        "Each micro-batch has its own mean, and their sum is never divided, or evenly though they "
        "differ."
    ),
    mend="Weigh each micro-batch's mean by its share of the tokens.",
)
def micro_batches(t: Tape, which: tuple[int, str, str]) -> Array:
    parts, of, how = which
    w = np.zeros(t.N)
    groups = (
        np.arange(t.N).reshape(t.idx.shape)
        if of == "windows" and t.idx.size == t.N
        else np.arange(t.N)
    )
    split = [part.ravel() for part in np.array_split(groups, parts) if part.size]
    for part in split:
        w[part] = 1 / part.size / (len(split) if how else 1)
    return w[:, None].astype(t.W.real.dtype)


def pair_counts_of(t: Tape) -> Ids:
    """(N,), how often each token's pair occurs in the batch."""
    _, inverse, counts = np.unique(t.rows * t.V + t.ys, return_inverse=True, return_counts=True)
    return counts[inverse.ravel()]


@mistake(
    "counts in few bits",
    weights,
    variants=("int8", "uint8", "bool"),
    why=(
        "Pair counts are kept in a type too small for them: int8 wraps around at 128, bool stops "
        "at 1."
    ),
    mend="Count in int64.",
)
def counts_in_few_bits(t: Tape, dtype: str) -> Array:
    counts = pair_counts_of(t)
    return (counts.astype(dtype).astype(float) / counts / t.N)[:, None].astype(t.W.real.dtype)


@mistake(
    "mean of the characters' means",
    weights,
    variants=("of inputs", "of targets"),
    why=(
        "The mean is taken for each character first, so a rare one weighs as much as a frequent "
        "one."
    ),
    mend="Average over tokens, once.",
)
def mean_of_means(t: Tape, which: str) -> Array:
    _, inverse, counts = np.unique(
        t.rows if "in" in which else t.ys, return_inverse=True, return_counts=True
    )
    return (1 / counts[inverse.ravel()] / len(counts))[:, None].astype(t.W.real.dtype)


@mistake(
    "only the first tokens",
    weights,
    variants=tuple(
        (n, how) for n in (16, 32, 64, 128, 256, 512) for how in ("", "or the last full block")
    ),
    why="A buffer or a tile holds so many tokens, and those beyond it are never reached.",
    mend="Handle the tail: loop up to N, not to a fixed number or a multiple of one.",
)
def only_the_first_tokens(t: Tape, which: tuple[int, str]) -> Array:
    return np.where(np.arange(t.N) < reached(t.N, *which), 1 / t.N, 0)[:, None].astype(
        t.W.real.dtype
    )


def reached(size: int, block: int, how: str) -> int:
    """How far a loop in blocks gets that stops after the first, or leaves the tail out."""
    return size // block * block if how else block


# --- logits ---------------------------------------------------------------------------------------


@mistake(
    "temperature left in",
    scores,
    amounts=(0.02, 50.0),
    usual=2.0,
    why="Logits are divided by the temperature of generate.",
    mend="Train on the logits themselves.",
)
def temperature(t: Tape, by: Array) -> Array:
    return t.looked_up / by


@mistake(
    "logits scaled by sqrt(V)",
    scores,
    variants=("divided", "multiplied"),
    why="Attention divides by the root of the size, and some embeddings are multiplied by it.",
    mend="A row of the table is the logits as they are.",
)
def scaled_by_root(t: Tape, how: str) -> Array:
    return t.looked_up * np.sqrt(t.V) ** (1 if how == "multiplied" else -1)


@mistake(
    "logits soft-capped",
    scores,
    amounts=(0.5, 200.0),
    usual=30.0,
    why="cap * tanh(logits / cap), from another model, bends every logit towards zero.",
    mend="Train on the logits themselves.",
)
def softcap(t: Tape, cap: Array) -> Array:
    return cap * np.tanh(t.looked_up / cap)


@mistake(
    "logits clipped",
    scores,
    amounts=(0.5, 1000.0),
    usual=10.0,
    why="Logits are clipped against overflow.",
    mend="Take the row maximum off instead: the softmax stays the same.",
)
def logits_clipped(t: Tape, at: Array) -> Array:
    return clipped(t.looked_up, -at, at)


@mistake(
    "softmax taken twice",
    scores,
    why="Probabilities are handed to a cross-entropy that expects logits.",
    mend="Hand over the logits themselves.",
)
def softmax_taken_twice(t: Tape) -> Array:
    return normalised(t.looked_up)[0]


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sigmoid": lambda x: (1 + np.tanh(x / 2)) / 2,
    "relu": lambda x: clipped(x, 0, np.inf),
    "exp": np.exp,
}


@mistake(
    "another function before softmax",
    scores,
    variants=tuple(FUNCTIONS),
    why="An activation of a hidden layer is applied to the logits.",
    mend="Softmax takes the logits as they are.",
)
def another_function(t: Tape, name: str) -> Array:
    return FUNCTIONS[name](t.looked_up)


LAYOUTS: dict[str, Callable[..., Any]] = {
    "(B, V, T) by reshape": lambda x: np.swapaxes(x, -1, -2).reshape(
        *x.shape[:-3], -1, x.shape[-1]
    ),
    "(V, N) by reshape": lambda x: np.swapaxes(
        x.reshape(*x.shape[:-3], -1, x.shape[-1]), -1, -2
    ).reshape(*x.shape[:-3], -1, x.shape[-1]),
    "(T, B, V) by reshape": lambda x: np.swapaxes(x, -3, -2).reshape(
        *x.shape[:-3], -1, x.shape[-1]
    ),
}


@mistake(
    "reshape for permute",
    scores,
    variants=tuple(LAYOUTS),
    coupled=True,
    derived=True,
    why=(
        "reshape keeps the order in memory, so it mixes the logits of several tokens and "
        "characters."
    ),
    mend="Move axes with transpose or permute, and flatten afterwards.",
)
def reshape_for_permute(t: Tape, how: str) -> Array:
    return LAYOUTS[how](t.looked_up.reshape(*t.looked_up.shape[:-2], *t.idx.shape, t.V))


# --- probabilities --------------------------------------------------------------------------------


def over_axis(t: Tape, axis: int) -> Probabilities:
    """Softmax over an axis of the (B, T, V) logits."""
    x = t.logits.reshape(*t.logits.shape[:-2], *t.idx.shape, t.V)
    return tuple(y.reshape(t.logits.shape) for y in normalised(x, axis))  # type: ignore[return-value]


AXES: dict[str, Callable[..., Any]] = {
    "": lambda t: normalised(t.logits, -2),
    "over time": lambda t: over_axis(t, -2),
    "over windows": lambda t: over_axis(t, -3),
}


@mistake(
    "softmax over the wrong axis",
    softmax,
    variants=tuple(AXES),
    coupled=True,
    why="axis=0 normalises each character over the tokens of the batch.",
    mend="Normalise over the last axis, the V candidates of one token.",
)
def softmax_over_the_wrong_axis(t: Tape, over: str) -> Probabilities:
    return AXES[over](t)


def divided_by(t: Tape, whole: Array) -> Probabilities:
    """The exponentials of the logits divided by the sum of those of ``whole``."""
    top = whole.real.max(axis=(-2, -1), keepdims=True)
    log_s = np.log(np.exp(whole - top).sum(axis=(-2, -1), keepdims=True))
    return np.exp(t.logits - top - log_s), t.logits - top - log_s


@mistake(
    "softmax over the whole table",
    softmax,
    coupled=True,
    why=(
        "np.exp(W) / np.exp(W).sum(): the table is made one distribution before rows are looked up."
    ),
    mend="Sum with axis=1, keepdims=True: every row is a distribution of its own.",
)
def softmax_over_the_whole_table(t: Tape) -> Probabilities:
    return divided_by(t, t.table)


@mistake(
    "softmax over the whole batch",
    softmax,
    coupled=True,
    why="e / e.sum() without an axis divides by the sum of all tokens' rows.",
    mend="Sum with axis=1, keepdims=True: every row is a distribution of its own.",
)
def softmax_over_the_whole_batch(t: Tape) -> Probabilities:
    return divided_by(t, t.logits)


@mistake(
    "exponentials not divided by their sum",
    softmax,
    variants=("row maximum taken off", "as they are"),
    why="exp(logits) is taken for a probability: the sum over the row is forgotten.",
    mend="Divide by the sum over the row.",
)
def not_divided(t: Tape, how: str) -> Probabilities:
    z = t.logits - (t.logits.real.max(axis=-1, keepdims=True) if "maximum" in how else 0)
    return np.exp(z), z


@mistake(
    "sigmoid instead of softmax",
    softmax,
    why="The derivative of a two-class output is carried over to V classes.",
    mend="Divide by the sum over the row: the V probabilities share one unit.",
)
def sigmoid_instead_of_softmax(t: Tape) -> Probabilities:
    p = FUNCTIONS["sigmoid"](t.logits)
    return p, np.log(p)


@mistake(
    "powers of 2 in the softmax",
    softmax,
    why="exp2 where exp is meant: softmax of the logits times ln 2.",
    mend="Use exp.",
)
def powers_of_2(t: Tape) -> Probabilities:
    return normalised(t.logits * np.log(2))


@mistake(
    "eps inside the sum",
    softmax,
    amounts=(1e-17, 1.0),
    usual=1e-8,
    variants=("", "of exponentials as they are"),
    why="e / (e.sum() + eps) against division by zero: the probabilities no longer add up to 1.",
    mend="Take the row maximum off: one exponential is 1 then, and no sum is zero.",
)
def eps_inside_the_sum(t: Tape, eps: Array, how: str) -> Probabilities:
    z = t.logits - (0 if how else t.logits.real.max(axis=-1, keepdims=True))
    e = np.exp(z)
    s = e.sum(axis=-1, keepdims=True) + eps
    return e / s, z - np.log(s)


@mistake(
    "probabilities mixed with uniform ones",
    softmax,
    amounts=(1e-6, 0.9),
    usual=0.01,
    why="(1 - a) p + a / V, as a language model interpolates, goes into the logarithm.",
    mend="Take the logarithm of the softmax itself.",
)
def mixed_with_uniform(t: Tape, amount: Array) -> Probabilities:
    p = (1 - amount) * normalised(t.logits)[0] + amount / t.V
    return p, np.log(p)


@mistake(
    "constant added to every exponential",
    softmax,
    amounts=(1e-9, 10.0),
    usual=1.0,
    variants=("", "of exponentials as they are"),
    why="Add-k smoothing, which belongs to counts, is applied to the exponentials.",
    mend="Softmax divides each exponential by their sum, and nothing is added.",
)
def added_to_every_exponential(t: Tape, k: Array, how: str) -> Probabilities:
    e = np.exp(t.logits - (0 if how else t.logits.real.max(axis=-1, keepdims=True))) + k
    p = e / e.sum(axis=-1, keepdims=True)
    return p, np.log(p)


@mistake(
    "padded vocabulary in the softmax",
    softmax,
    variants=("1 more", "to 8", "to 16", "to 32", "to 64", "to 128"),
    why=(
        "The vocabulary is padded, and the logits of characters that do not exist share in the "
        "sum as zeros."
    ),
    mend="Leave padding out of the softmax, or give it logits of -inf.",
)
def padded_vocabulary(t: Tape, how: str) -> Probabilities:
    size = int(how.split()[-1]) if how[0] == "t" else t.V + 1
    extra = -t.V % size if how[0] == "t" else 1
    top = np.maximum(t.logits.real.max(axis=-1, keepdims=True), 0 if extra else -np.inf)
    z = t.logits - top
    s = np.exp(z).sum(axis=-1, keepdims=True) + extra * np.exp(-top)
    return np.exp(z) / s, z - np.log(s)


CLIPS: dict[str, Callable[..., Any]] = {
    "": lambda p, a: clipped(p, a, 1 - a),
    "below only": lambda p, a: clipped(p, a, np.inf),
    "and divided by their sum": lambda p, a: (
        (c := clipped(p, a, 1 - a)) / c.sum(axis=-1, keepdims=True)
    ),
}


@mistake(
    "probabilities clipped",
    softmax,
    in_loss="loss of clipped probabilities",
    amounts=(1e-300, 0.2),
    usual=1e-7,
    variants=tuple(CLIPS),
    why="np.clip(p, 1e-7, 1 - 1e-7) guards a logarithm; it hides every loss beyond 16.1 nats.",
    mend="Work with log p = z - log(sum(exp(z))), which is finite without it.",
)
def probabilities_clipped(t: Tape, at: Array, how: str) -> Probabilities:
    p = CLIPS[how](t.p if hasattr(t, "p") else normalised(t.logits)[0], at)
    return p, np.log(p)


@mistake(
    "eps inside the log",
    softmax,
    in_loss="eps inside the log of the loss",
    amounts=(1e-300, 0.5),
    usual=1e-8,
    derived=True,
    why="-log(p + eps) against log of zero: its derivative is smaller by p / (p + eps).",
    mend="Work with log p = z - log(sum(exp(z))), which needs no eps.",
)
def eps_inside_the_log(t: Tape, eps: Array) -> Probabilities:
    p = normalised(t.logits)[0] + eps
    return p, np.log(p)


@mistake(
    "two-class cross-entropy",
    token_loss,
    variants=("mean over the classes", "sum over the classes"),
    why="-y log p - (1 - y) log(1 - p) of every class: it is for V separate yes-or-no outputs.",
    mend="One of V classes is right: the loss is -log p of the target alone.",
)
def two_class_cross_entropy(t: Tape, how: str) -> Array:
    losses = -np.where(t.onehot > 0, np.log(t.p), np.log(1 - t.p)).sum(axis=-1, keepdims=True)
    return losses / (t.V if "mean" in how else 1)


# --- right for ordinary logits --------------------------------------------------------------------


@mistake(
    "maximum not subtracted",
    softmax,
    in_loss="overflow in the loss",
    unstable=True,
    why=(
        "exp of a logit above 709 (88 in float32) is infinite, and infinity over infinity is no "
        "number."
    ),
    mend="Take the row maximum off before exp; the softmax is the same.",
)
def maximum_not_subtracted(t: Tape) -> Probabilities:
    with np.errstate(all="ignore"):
        e = np.exp(t.logits)
        s = e.sum(axis=-1, keepdims=True)
        return e / s, t.logits - np.log(s)


@mistake(
    "maximum of the whole array subtracted",
    softmax,
    unstable=True,
    why=(
        "logits - logits.max(): a row far below the largest underflows as a whole, and 0 / 0 is "
        "no number."
    ),
    mend="Take each row's own maximum off: max(axis=1, keepdims=True).",
)
def maximum_of_the_whole_array(t: Tape) -> Probabilities:
    with np.errstate(all="ignore"):
        z = t.logits - t.logits.max()
        s = np.exp(z).sum(axis=-1, keepdims=True)
        return np.exp(z) / s, z - np.log(s)


@mistake(
    "maximum never below zero",
    softmax,
    unstable=True,
    why="The search for the maximum starts from 0, so a row far below zero underflows as a whole.",
    mend="Start the maximum from -inf or from the row's first logit.",
)
def maximum_never_below_zero(t: Tape) -> Probabilities:
    with np.errstate(all="ignore"):
        z = t.logits - np.maximum(t.logits.max(axis=-1, keepdims=True), 0)
        s = np.exp(z).sum(axis=-1, keepdims=True)
        return np.exp(z) / s, z - np.log(s)


@mistake(
    "logarithm of an underflowed probability",
    token_loss,
    in_loss="logarithm of an underflowed probability",
    loss_alone=True,
    unstable=True,
    why="log(softmax(logits)) meets log(0) where a probability is below the smallest number.",
    mend="Work with log p = z - log(sum(exp(z))), which stays finite.",
)
def logarithm_of_underflowed_probability(t: Tape) -> Array:
    with np.errstate(divide="ignore"):
        return -np.log(t.at_targets(t.p))


# --- the loss of one token ------------------------------------------------------------------------

SMOOTHED: dict[str, Callable[..., Any]] = {
    "": lambda a, V: (1 - a, a / V),
    "over the other characters": lambda a, V: (1 - a - a / max(V - 1, 1), a / max(V - 1, 1)),
    "and 1 / V on top": lambda a, V: (1 - a, 1 / V),
    "and the amount on top": lambda a, V: (1 - a, a),
    "and the amount / V on top": lambda a, V: (1.0, a / V),
}


def smoothed(t: Tape, amount: Array, how: str) -> Array:
    """(N, V), the targets that label smoothing makes."""
    own, each = SMOOTHED[how](amount, t.V)
    return own * t.onehot + each


@mistake(
    "labels smoothed",
    token_loss,
    in_loss="labels smoothed in the loss",
    amounts=(1e-6, 0.9),
    usual=0.1,
    variants=tuple(SMOOTHED),
    dlogits=lambda t, amount, how: (t.p - smoothed(t, amount, how)) * t.weights,
    why="A label_smoothing was left on in one of the two.",
    mend="Switch it off, or on in both.",
)
def labels_smoothed(t: Tape, amount: Array, how: str) -> Array:
    return -(smoothed(t, amount, how) * t.logp).sum(axis=-1, keepdims=True)


@mistake(
    "focal loss",
    token_loss,
    amounts=(0.1, 10.0),
    usual=2.0,
    why="(1 - p)**gamma in front of -log p plays down the tokens that are predicted well.",
    mend="Leave the factor out: cross-entropy is -log p.",
)
def focal_loss(t: Tape, gamma: Array) -> Array:
    return -((1 - t.at_targets(t.p)) ** gamma) * t.at_targets(t.logp)


@mistake(
    "z-loss left in",
    token_loss,
    amounts=(1e-8, 10.0),
    usual=1e-4,
    why="A multiple of the squared log-sum-exp, which keeps large models stable, is in the loss.",
    mend="Leave it out, or report it apart.",
)
def z_loss(t: Tape, amount: Array) -> Array:
    return -t.at_targets(t.logp) + amount * (t.logits - t.logp)[..., :1] ** 2


@mistake(
    "entropy bonus left in",
    token_loss,
    amounts=(-1.0, 1.0),
    usual=0.01,
    why="A multiple of the entropy of p is taken off the loss, as in reinforcement learning.",
    mend="Leave it out.",
)
def entropy_bonus(t: Tape, amount: Array) -> Array:
    return -t.at_targets(t.logp) + amount * (t.p * t.logp).sum(axis=-1, keepdims=True)


OTHER_LOSSES: dict[str, Callable[..., Any]] = {
    "squared error": lambda t: ((t.p - t.onehot) ** 2).sum(axis=-1, keepdims=True),
    "two-class cross-entropy": lambda t: (
        -(t.onehot * t.logp + (1 - t.onehot) * np.log1p(-np.where(t.onehot == 1, 0, t.p))).sum(
            axis=-1, keepdims=True
        )
    ),
    "minus the probability": lambda t: -t.at_targets(t.p),
    "minus the logit": lambda t: -t.at_targets(t.logits),
    "multiclass hinge": lambda t: (
        clipped(t.logits - t.at_targets(t.logits) + 1, 0, np.inf).sum(axis=-1, keepdims=True) - 1
    ),
}


@mistake(
    "another loss",
    token_loss,
    variants=tuple(OTHER_LOSSES),
    why=(
        "The loss of another kind of output is taken: of a regression, or of V yes-or-no questions."
    ),
    mend="Cross-entropy is -log p[target], of one choice among V.",
)
def another_loss(t: Tape, which: str) -> Array:
    return OTHER_LOSSES[which](t)


@mistake(
    "maximum not added back",
    token_loss,
    loss_alone=True,
    why="log(sum(exp(z - max))) lacks the maximum that was taken off, and z[target] has it.",
    mend="Take the maximum off both, or add it to the logarithm.",
)
def maximum_not_added_back(t: Tape) -> Array:
    return -t.at_targets(t.logp) - t.logits.real.max(axis=-1, keepdims=True)


# --- the whole loss -------------------------------------------------------------------------------


@mistake(
    "log of the mean probability",
    total,
    coupled=True,
    in_loss="log of the mean probability",
    why="The probabilities are averaged first and the logarithm taken last.",
    mend="Take the logarithm of each token's probability, then the mean.",
)
def log_of_the_mean(t: Tape) -> Array:
    return -np.log((t.weights * np.exp(-t.losses)).sum(axis=(-2, -1)))


@mistake(
    "perplexity instead of loss",
    total,
    coupled=True,
    in_loss="perplexity instead of loss",
    why="exp of the mean loss is reported.",
    mend="Leave out the exp.",
)
def perplexity(t: Tape) -> Array:
    return np.exp((t.weights * t.losses).sum(axis=(-2, -1)))


def squares(x: Array) -> Array:
    """The sum of the squares of each table."""
    return (x * x).sum(axis=(-2, -1))


PENALTIES: dict[str, tuple[Callable[..., Any], ...]] = {  # without its amount; the derivative
    "": (lambda t: squares(t.W) / 2, lambda t: t.W),
    "times sum(W * W)": (lambda t: squares(t.W), lambda t: 2 * t.W),
    "times mean(W * W)": (lambda t: squares(t.W) / t.V**2, lambda t: 2 * t.W / t.V**2),
    "times W / N": (lambda t: squares(t.W) / 2 / t.idx.size, lambda t: t.W / t.idx.size),
    "times sum(abs(W))": (lambda t: abs(t.W).sum(axis=(-2, -1)), lambda t: np.sign(t.W)),
    "times the root of sum(W * W)": (
        lambda t: np.sqrt(squares(t.W)),
        lambda t: t.W / (np.sqrt(squares(t.W)) or 1),
    ),
}


@mistake(
    "weight decay in the gradient",
    report,
    in_loss="penalty on the weights in the loss",
    amounts=(1e-13, 10.0),
    usual=0.01,
    variants=tuple(PENALTIES),
    finish=lambda t, amount, how: t.dW + amount * PENALTIES[how][1](t),
    why="A penalty on the weights is differentiated with the loss, as in Adam with L2.",
    mend="Leave it to the optimizer: AdamW decays the weights apart from the gradient.",
)
def weight_decay(t: Tape, amount: Array, how: str) -> Array:
    return t.loss + np.ravel(amount)[0 if np.size(amount) == 1 else slice(None)] * PENALTIES[how][
        0
    ](t)


@mistake(
    "loss rounded",
    report,
    variants=tuple(f"to {k} places" for k in range(1, 13)),
    precision=True,
    why="round() belongs to the printed loss, not to the one that is returned.",
    mend="Round where it is printed.",
    loss_alone=True,
)
def loss_rounded(t: Tape, how: str) -> Array:
    return np.round(t.loss, int(how.split()[1]))


@mistake(
    "loss in low precision",
    report,
    in_loss="loss in float32 where float64 was asked",
    variants=("", "float16"),
    loss_alone=True,
    precision=True,
    why=(
        "A default dtype somewhere on the way: torch.tensor of a list, np.float32 in a constructor."
    ),
    mend="Take the dtype from W and pass it on.",
)
def loss_in_low_precision(t: Tape, dtype: str) -> Array:
    return t.loss.astype(dtype or "float32").astype(t.W.dtype)
