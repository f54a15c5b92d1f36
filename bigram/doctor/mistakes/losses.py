"""Mistakes on the way to the loss. Each can be made in the loss, in the gradient by hand, and in
both; and each has an exact derivative, which autograd returns with it. Those of a gradient alone
are in ``gradients.py``, and the stages in ``stages.py``.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from bigram.doctor.mistakes.stages import (
    Tape,
    added,
    clipped,
    enter,
    mistake,
    normalised,
    softmax,
    table,
    token_loss,
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


enter(
    "table read by columns",
    why="The table is taken for W[next, current]: W[:, idx] in loss and gradient.",
    mend="Row i holds what follows i: W[idx].",
    table=lambda t: np.swapaxes(t.W, -1, -2),
    scatter=lambda t: np.swapaxes(added(t.d, t.rows, t.V), -1, -2),
)

enter(
    "table rounded",
    variants=("float32", "float16"),
    precision=True,
    why="W is cast to a shorter type first, and its digits do not come back.",
    mend="Take the dtype from W and pass it on.",
    table=lambda t, dtype: t.W.real.astype(dtype).astype(t.W.dtype),
)


# --- which pairs ----------------------------------------------------------------------------------


def flat(rows: Ids, ys: Ids) -> TokenPairs:
    """Both as they stand in memory, token by token."""
    return rows.ravel(), ys.ravel()


enter(
    "targets not shifted",
    why="The batch is cut once and used for both, so the model learns to repeat its input.",
    mend="Take the targets one character further on: y = data[i + 1 : i + T + 1].",
    pairs=lambda t: flat(t.idx, t.idx),
)

enter(
    "targets shifted the wrong way",
    why="np.roll(x, 1) moves to the right, so every character is asked for the one before it.",
    mend="Shift to the left: what follows x[t] is x[t + 1].",
    pairs=lambda t: flat(t.idx, np.roll(t.idx, 1, axis=1)),
)


enter(
    "targets shifted twice",
    why="The targets are one character on already, and the loss shifts them once more.",
    mend="Compare position t with targets[:, t]: nothing is left to shift.",
    pairs={
        "logits[:, :-1] against targets[:, 1:]": lambda t: flat(t.idx[:, :-1], t.targets[:, 1:]),
        "over the flat batch": lambda t: (t.idx.ravel()[:-1], t.targets.ravel()[1:]),
        "rolled in each window": lambda t: flat(t.idx, np.roll(t.targets, -1, axis=1)),
        "rolled over the flat batch": lambda t: flat(t.idx, np.roll(t.targets, -1)),
        "idx[:, :-1] against idx[:, 1:]": lambda t: flat(t.idx[:, :-1], t.idx[:, 1:]),
        "idx rolled": lambda t: flat(t.idx, np.roll(t.idx, -1, axis=1)),
        "idx rolled over the flat batch": lambda t: flat(t.idx, np.roll(t.idx, -1)),
    },
)

enter(
    "inputs and targets swapped",
    why="The arguments are handed over in the wrong order.",
    mend="The rows come from idx, the one-hot from targets.",
    pairs=lambda t: flat(t.targets, t.idx),
)

enter(
    "last position only",
    in_loss="loss of the last position only",
    why="A line from generate, logits[:, -1], is left in the loss.",
    mend="Training uses every position: flatten (B, T) to N = B * T tokens.",
    pairs=lambda t: (t.idx[:, -1], t.targets[:, -1]),
)


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


enter(
    "tokens left out",
    variants=tuple(LEFT_OUT),
    why="A slice or a range ends one too early, or only one window or position is indexed.",
    mend="Every token of (B, T) is a pair: idx.ravel(), targets.ravel().",
    pairs=lambda t, which: flat(LEFT_OUT[which](t.idx), LEFT_OUT[which](t.targets)),
)


enter(
    "idx and targets flattened in different orders",
    why="One of the two was transposed to (T, B) and reshaped back, or reversed, the other not.",
    mend="Flatten both from the same (B, T) layout.",
    pairs={
        "": lambda t: flat(t.idx.T, t.targets),
        "targets transposed": lambda t: flat(t.idx, t.targets.T),
        "each window of idx reversed": lambda t: flat(t.idx[:, ::-1], t.targets),
        "windows of targets reversed": lambda t: flat(t.idx, t.targets[::-1]),
    },
)

enter(
    "one-hot one place off",
    why="Ids that start from 1, or a vocabulary with one more character than the other's.",
    mend="Subtract 1 at targets itself; ids start from 0.",
    pairs={
        "": lambda t: flat(t.idx, (t.targets + 1) % t.V),
        "downwards": lambda t: flat(t.idx, (t.targets - 1) % t.V),
    },
)

enter(
    "rows one place off",
    why="Ids that start from 1, or a table with a row for padding in front.",
    mend="Look up idx itself; ids start from 0.",
    pairs={
        "": lambda t: flat((t.idx + 1) % t.V, t.targets),
        "downwards": lambda t: flat((t.idx - 1) % t.V, t.targets),
    },
)

enter(
    "ids in 8 bits",
    variants=("uint8", "int8"),
    why=(
        "Ids are cast to one byte to save memory: from 256 characters on (128 with a sign) they "
        "wrap around."
    ),
    mend="Keep ids in int64, or in the smallest type that holds V - 1.",
    pairs=lambda t, dtype: flat(
        t.idx.astype(dtype).astype(int) % t.V, t.targets.astype(dtype).astype(int) % t.V
    ),
)


# --- the part of each token in the mean -----------------------------------------------------------


def column(t: Tape, parts: Array) -> Array:
    """The parts (N,) of the tokens as weights (N, 1), in W's dtype."""
    return parts[:, None].astype(t.W.real.dtype)


def kept(t: Tape, keep: Array, over: str = "all") -> Array:
    """The weights of the tokens that are kept, in a mean over them or over all."""
    return column(t, np.where(keep, 1.0, 0.0) / max(1, keep.sum() if over == "the rest" else t.N))


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
    return kept(t, (t.ys if ids == "targets" else t.rows) != int(i) % t.V, over)


enter(
    "first character taken for padding",
    why="nn.Embedding(padding_idx=0), or a mask of idx != 0, though 0 is a character here.",
    mend="There is no padding: every id has a row and every row a gradient.",
    weights=lambda t: kept(t, t.rows != 0),
)


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
    w, groups = np.zeros(t.N), np.arange(t.N)
    if of == "windows" and t.idx.size == t.N:
        groups = groups.reshape(t.idx.shape)
    split = [part.ravel() for part in np.array_split(groups, parts) if part.size]
    for part in split:
        w[part] = 1 / part.size / (len(split) if how else 1)
    return column(t, w)


def occurrences(ids: Ids) -> tuple[Ids, int]:
    """(N,), how often each token's id occurs in the batch; and the number of different ids."""
    _, inverse, counts = np.unique(ids, return_inverse=True, return_counts=True)
    return counts[inverse.ravel()], len(counts)


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
    counts, _ = occurrences(t.rows * t.V + t.ys)
    return column(t, counts.astype(dtype).astype(float) / counts / t.N)


@mistake(
    "mean of the characters' means",
    weights,
    variants=("of inputs", "of targets", "of pairs"),
    why=(
        "The mean is taken for each character or pair first, so a rare one weighs as much as a "
        "frequent one."
    ),
    mend="Average over tokens, once.",
)
def mean_of_means(t: Tape, which: str) -> Array:
    ids = {"of inputs": t.rows, "of targets": t.ys, "of pairs": t.rows * t.V + t.ys}[which]
    counts, different = occurrences(ids)
    return column(t, 1 / counts / different)


def chunks(t: Tape, k: Any) -> tuple[Any, Any, Any]:
    """Of chunks of ``k`` tokens: the size of each token's own, (N, 1); how many chunks there are;
    and how many tokens are in whole ones."""
    chunk = np.arange(t.N)[:, None] // k
    return np.minimum(k, t.N - chunk * k), -(-t.N // k), t.N // k * k


def in_whole_chunks(t: Tape, k: Any, over: Any) -> Array:
    """Weights of the tokens in whole chunks, in a mean over so many."""
    with np.errstate(divide="ignore"):
        return np.where(np.arange(t.N)[:, None] < chunks(t, k)[2], 1 / np.maximum(over, 1), 0.0)


enter(
    "mean of the chunks' means",
    amounts=(2.0, 256.0),
    usual=32.0,
    whole=True,
    why="Each chunk has its own mean, and the last one is shorter and weighs as much.",
    mend="Add up the chunks' sums, and divide once by N.",
    weights={
        "": lambda t, k: 1 / chunks(t, k)[0] / chunks(t, k)[1],
        "added up": lambda t, k: 1 / chunks(t, k)[0] + 0 * k,
    },
)

enter(
    "last chunk dropped",
    amounts=(2.0, 256.0),
    usual=32.0,
    whole=True,
    why="A loop over whole chunks, or drop_last=True, never reaches the tokens left over.",
    mend="Handle the tail: the last chunk may be shorter.",
    weights={
        "": lambda t, k: in_whole_chunks(t, k, t.N),
        "in a mean over the rest": lambda t, k: in_whole_chunks(t, k, chunks(t, k)[2]),
        "and the others' means added up": lambda t, k: in_whole_chunks(t, k, k),
    },
)


enter(
    "only the first tokens",
    variants=(16, 32, 64, 128, 256, 512),
    why="A buffer or a tile holds so many tokens, and those beyond it are never reached.",
    mend="Handle the tail: loop up to N, not to a fixed number.",
    weights=lambda t, n: column(t, np.where(np.arange(t.N) < n, 1 / t.N, 0)),
)

# --- logits ---------------------------------------------------------------------------------------

enter(
    "temperature left in",
    amounts=(0.02, 50.0),
    usual=2.0,
    why="Logits are divided by the temperature of generate.",
    mend="Train on the logits themselves.",
    scores=lambda t, by: t.looked_up / by,
)

enter(
    "logits scaled by sqrt(V)",
    variants=("divided", "multiplied"),
    why="Attention divides by the root of the size, and some embeddings are multiplied by it.",
    mend="A row of the table is the logits as they are.",
    scores=lambda t, how: t.looked_up * np.sqrt(t.V) ** (1 if how == "multiplied" else -1),
)

enter(
    "logits soft-capped",
    amounts=(0.5, 200.0),
    usual=30.0,
    why="cap * tanh(logits / cap), from another model, bends every logit towards zero.",
    mend="Train on the logits themselves.",
    scores=lambda t, cap: cap * np.tanh(t.looked_up / cap),
)

enter(
    "logits clipped",
    amounts=(0.5, 1000.0),
    usual=10.0,
    why="Logits are clipped against overflow.",
    mend="Take the row maximum off instead: the softmax stays the same.",
    scores=lambda t, at: clipped(t.looked_up, -at, at),
)

enter(
    "softmax taken twice",
    why="Probabilities are handed to a cross-entropy that expects logits.",
    mend="Hand over the logits themselves.",
    scores=lambda t: normalised(t.looked_up)[0],
)


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), which does not overflow."""
    return (1 + np.tanh(x / 2)) / 2


enter(
    "another function before softmax",
    why="An activation of a hidden layer is applied to the logits.",
    mend="Softmax takes the logits as they are.",
    scores={
        "sigmoid": lambda t: sigmoid(t.looked_up),
        "relu": lambda t: clipped(t.looked_up, 0, np.inf),
        "exp": lambda t: np.exp(t.looked_up),
    },
)


def by_window(t: Tape, x: Array) -> Array:
    """(N, V) as (B, T, V)."""
    return x.reshape(*x.shape[:-2], *t.idx.shape, t.V)


enter(
    "reshape for permute",
    coupled=True,
    derived=True,
    why=(
        "reshape keeps the order in memory, so it mixes the logits of several tokens and "
        "characters."
    ),
    mend="Move axes with transpose or permute, and flatten afterwards.",
    scores={
        "(B, V, T) by reshape": lambda t: np.swapaxes(by_window(t, t.looked_up), -1, -2).reshape(
            t.looked_up.shape
        ),
        "(V, N) by reshape": lambda t: np.swapaxes(t.looked_up, -1, -2).reshape(t.looked_up.shape),
        "(T, B, V) by reshape": lambda t: np.swapaxes(by_window(t, t.looked_up), -3, -2).reshape(
            t.looked_up.shape
        ),
    },
)


# --- probabilities --------------------------------------------------------------------------------


def over_axis(t: Tape, axis: int) -> Probabilities:
    """Softmax over an axis of the (B, T, V) logits."""
    p, logp = normalised(by_window(t, t.logits), axis)
    return p.reshape(t.logits.shape), logp.reshape(t.logits.shape)


enter(
    "softmax over the wrong axis",
    coupled=True,
    why="axis=0 normalises each character over the tokens of the batch.",
    mend="Normalise over the last axis, the V candidates of one token.",
    softmax={
        "": lambda t: normalised(t.logits, -2),
        "over time": lambda t: over_axis(t, -2),
        "over windows": lambda t: over_axis(t, -3),
    },
)


def divided_by(t: Tape, whole: Array) -> Probabilities:
    """The exponentials of the logits divided by the sum of those of ``whole``."""
    top = whole.real.max(axis=(-2, -1), keepdims=True)
    log_s = np.log(np.exp(whole - top).sum(axis=(-2, -1), keepdims=True))
    return np.exp(t.logits - top - log_s), t.logits - top - log_s


enter(
    "softmax over the whole table",
    coupled=True,
    why=(
        "np.exp(W) / np.exp(W).sum(): the table is made one distribution before rows are looked up."
    ),
    mend="Sum with axis=1, keepdims=True: every row is a distribution of its own.",
    softmax=lambda t: divided_by(t, t.table),
)

enter(
    "softmax over the whole batch",
    coupled=True,
    why="e / e.sum() without an axis divides by the sum of all tokens' rows.",
    mend="Sum with axis=1, keepdims=True: every row is a distribution of its own.",
    softmax=lambda t: divided_by(t, t.logits),
)


def top(t: Tape) -> Array:
    """The maximum of each row."""
    return t.logits.real.max(axis=-1, keepdims=True)


def softmax_less(t: Tape, taken_off: Any, extra: Any = 0) -> Probabilities:
    """softmax with that taken off the logits, and ``extra`` added to the sum; and its logarithm."""
    with np.errstate(all="ignore"):
        z = t.logits - taken_off
        e = np.exp(z)
        s = e.sum(axis=-1, keepdims=True) + extra
        return e / s, z - np.log(s)


def with_log(p: Array) -> Probabilities:
    """``p`` and its logarithm."""
    return p, np.log(p)


def over_sum(e: Array) -> Array:
    """Each row divided by its sum."""
    return e / e.sum(axis=-1, keepdims=True)


enter(
    "exponentials not divided by their sum",
    why="exp(logits) is taken for a probability: the sum over the row is forgotten.",
    mend="Divide by the sum over the row.",
    softmax={
        "row maximum taken off": lambda t: (np.exp(t.logits - top(t)), t.logits - top(t)),
        "as they are": lambda t: (np.exp(t.logits), t.logits),
    },
)

enter(
    "sigmoid instead of softmax",
    why="The derivative of a two-class output is carried over to V classes.",
    mend="Divide by the sum over the row: the V probabilities share one unit.",
    softmax=lambda t: with_log(sigmoid(t.logits)),
)

APPROXIMATE: dict[str, Callable[..., Array]] = {
    f"(1 + x / {n})**{n}": lambda x, n=n: (1 + clipped(x, -n, np.inf) / n) ** n
    for n in (10, 16, 32, 64, 100, 128, 256, 512, 1000, 1024, 2048, 4096, 10_000, 65_536)
} | {
    f"{n} terms of the series": lambda x, n=n: sum(x**k / math.factorial(k) for k in range(n))
    for n in (2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 30)
}

enter(
    "exponential approximated",
    why="A cheap formula stands for exp, and is near it close to 0 alone.",
    mend="Use exp.",
    softmax={
        how: lambda t, exp=exp: with_log(over_sum(exp(t.logits - top(t))))
        for how, exp in APPROXIMATE.items()
    },
)


@mistake(
    "sums of parts not brought to one maximum",
    softmax,
    variants=tuple(
        (f"{how}, in parts of", k)
        for how in ("the sum so far", "the new part's sum", "each part's own")
        for k in (1, 2, 4, 8, 16, 32, 64, 128, "V / 2")
    ),
    why=(
        "Softmax is taken in parts, and a sum of exponentials less one maximum is added to a sum "
        "less another."
    ),
    mend="Multiply each sum by exp(its maximum - the common one) before they are added.",
)
def parts_with_other_maxima(t: Tape, which: tuple[str, Any]) -> Probabilities:
    how, width = which[0].split(",")[0], which[1]
    starts = [t.V // 2] if width == "V / 2" else range(width, t.V, width)
    highest, s, z = np.full((t.N, 1), -np.inf), 0.0, []
    for part in np.split(t.logits, [start for start in starts if start], axis=-1):
        own = part.real.max(axis=-1, keepdims=True)
        before, highest = highest, np.maximum(highest, own)
        if how == "the new part's sum":
            s = s * np.exp(before - highest)
        z.append(part - (highest if how == "the sum so far" else own))
        s = s + np.exp(z[-1]).sum(axis=-1, keepdims=True)
    less = np.concatenate(z, axis=-1) if how == "each part's own" else t.logits - highest
    return np.exp(less) / s, less - np.log(s)


enter(
    "powers of 2 in the softmax",
    why="exp2 where exp is meant: softmax of the logits times ln 2.",
    mend="Use exp.",
    softmax=lambda t: normalised(t.logits * np.log(2)),
)

enter(
    "eps inside the sum",
    amounts=(1e-17, 1.0),
    usual=1e-8,
    why="e / (e.sum() + eps) against division by zero: the probabilities no longer add up to 1.",
    mend="Take the row maximum off: one exponential is 1 then, and no sum is zero.",
    softmax={
        "": lambda t, eps: softmax_less(t, top(t), eps),
        "of exponentials as they are": lambda t, eps: softmax_less(t, 0, eps),
    },
)

enter(
    "probabilities mixed with uniform ones",
    amounts=(1e-6, 0.9),
    usual=0.01,
    why="(1 - a) p + a / V, as a language model interpolates, goes into the logarithm.",
    mend="Take the logarithm of the softmax itself.",
    softmax=lambda t, a: with_log((1 - a) * normalised(t.logits)[0] + a / t.V),
)

enter(
    "constant added to every exponential",
    amounts=(1e-9, 10.0),
    usual=1.0,
    why="Add-k smoothing, which belongs to counts, is applied to the exponentials.",
    mend="Softmax divides each exponential by their sum, and nothing is added.",
    softmax={
        "": lambda t, k: with_log(over_sum(np.exp(t.logits - top(t)) + k)),
        "of exponentials as they are": lambda t, k: with_log(over_sum(np.exp(t.logits) + k)),
    },
)


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
    extra = -t.V % int(how.split()[-1]) if how[0] == "t" else 1
    highest = np.maximum(top(t), 0 if extra else -np.inf)
    return softmax_less(t, highest, extra * np.exp(-highest))


enter(
    "probabilities clipped",
    in_loss="loss of clipped probabilities",
    amounts=(1e-300, 0.2),
    usual=1e-7,
    why="np.clip(p, 1e-7, 1 - 1e-7) guards a logarithm; it hides every loss beyond 16.1 nats.",
    mend="Work with log p = z - log(sum(exp(z))), which is finite without it.",
    softmax={
        "": lambda t, at: with_log(clipped(normalised(t.logits)[0], at, 1 - at)),
        "below only": lambda t, at: with_log(clipped(normalised(t.logits)[0], at, np.inf)),
        "and divided by their sum": lambda t, at: with_log(
            over_sum(clipped(normalised(t.logits)[0], at, 1 - at))
        ),
    },
)

enter(
    "eps inside the log",
    in_loss="eps inside the log of the loss",
    amounts=(1e-300, 0.5),
    usual=1e-8,
    derived=True,
    why="-log(p + eps) against log of zero: its derivative is smaller by p / (p + eps).",
    mend="Work with log p = z - log(sum(exp(z))), which needs no eps.",
    softmax=lambda t, eps: with_log(normalised(t.logits)[0] + eps),
)


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

enter(
    "maximum not subtracted",
    in_loss="overflow in the loss",
    unstable=True,
    why=(
        "exp of a logit above 709 (88 in float32) is infinite, and infinity over infinity is no "
        "number."
    ),
    mend="Take the row maximum off before exp; the softmax is the same.",
    softmax=lambda t: softmax_less(t, 0),
)

enter(
    "maximum of the whole array subtracted",
    unstable=True,
    why=(
        "logits - logits.max(): a row far below the largest underflows as a whole, and 0 / 0 is "
        "no number."
    ),
    mend="Take each row's own maximum off: max(axis=1, keepdims=True).",
    softmax=lambda t: softmax_less(t, t.logits.max()),
)

enter(
    "maximum never below zero",
    unstable=True,
    why="The search for the maximum starts from 0, so a row far below zero underflows as a whole.",
    mend="Start the maximum from -inf or from the row's first logit.",
    softmax=lambda t: softmax_less(t, np.maximum(top(t), 0)),
)


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


enter(
    "labels smoothed",
    in_loss="labels smoothed in the loss",
    amounts=(1e-6, 0.9),
    usual=0.1,
    variants=tuple(SMOOTHED),
    why="A label_smoothing was left on in one of the two.",
    mend="Switch it off, or on in both.",
    token_loss=lambda t, amount, how: (
        -(smoothed(t, amount, how) * t.logp).sum(axis=-1, keepdims=True)
    ),
    dlogits=lambda t, amount, how: (t.p - smoothed(t, amount, how)) * t.weights,
)

enter(
    "focal loss",
    amounts=(0.1, 10.0),
    usual=2.0,
    why="(1 - p)**gamma in front of -log p plays down the tokens that are predicted well.",
    mend="Leave the factor out: cross-entropy is -log p.",
    token_loss=lambda t, gamma: -((1 - t.at_targets(t.p)) ** gamma) * t.at_targets(t.logp),
)

enter(
    "z-loss left in",
    amounts=(1e-8, 10.0),
    usual=1e-4,
    why="A multiple of the squared log-sum-exp, which keeps large models stable, is in the loss.",
    mend="Leave it out, or report it apart.",
    token_loss=lambda t, amount: -t.at_targets(t.logp) + amount * (t.logits - t.logp)[..., :1] ** 2,
)

enter(
    "entropy bonus left in",
    amounts=(-1.0, 1.0),
    usual=0.01,
    why="A multiple of the entropy of p is taken off the loss, as in reinforcement learning.",
    mend="Leave it out.",
    token_loss=lambda t, amount: (
        -t.at_targets(t.logp) + amount * (t.p * t.logp).sum(axis=-1, keepdims=True)
    ),
)


enter(
    "another loss",
    why=(
        "The loss of another kind of output is taken: of a regression, or of V yes-or-no questions."
    ),
    mend="Cross-entropy is -log p[target], of one choice among V.",
    token_loss={
        "squared error": lambda t: ((t.p - t.onehot) ** 2).sum(axis=-1, keepdims=True),
        "two-class cross-entropy": lambda t: (
            -(t.onehot * t.logp + (1 - t.onehot) * np.log1p(-np.where(t.onehot == 1, 0, t.p))).sum(
                axis=-1, keepdims=True
            )
        ),
        "minus the probability": lambda t: -t.at_targets(t.p),
        "minus the logit": lambda t: -t.at_targets(t.logits),
        "multiclass hinge": lambda t: (
            clipped(t.logits - t.at_targets(t.logits) + 1, 0, np.inf).sum(axis=-1, keepdims=True)
            - 1
        ),
    },
)

enter(
    "maximum not added back",
    loss_alone=True,
    why="log(sum(exp(z - max))) lacks the maximum that was taken off, and z[target] has it.",
    mend="Take the maximum off both, or add it to the logarithm.",
    token_loss=lambda t: -t.at_targets(t.logp) - top(t),
)


# --- the whole loss -------------------------------------------------------------------------------

enter(
    "log of the mean probability",
    coupled=True,
    in_loss="log of the mean probability",
    why="The probabilities are averaged first and the logarithm taken last.",
    mend="Take the logarithm of each token's probability, then the mean.",
    total=lambda t: -np.log((t.weights * np.exp(-t.losses)).sum(axis=(-2, -1))),
)

enter(
    "perplexity instead of loss",
    coupled=True,
    in_loss="perplexity instead of loss",
    why="exp of the mean loss is reported.",
    mend="Leave out the exp.",
    total=lambda t: np.exp((t.weights * t.losses).sum(axis=(-2, -1))),
)


def squares(x: Array) -> Array:
    """The sum of the squares of each table."""
    return (x * x).sum(axis=(-2, -1))


def one_each(amount: Any) -> Any:
    """An amount, or the many that are tried at once, (A, 1, 1), as one number for each loss."""
    return np.ravel(amount)[0 if np.size(amount) == 1 else slice(None)]


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


enter(
    "weight decay in the gradient",
    in_loss="penalty on the weights in the loss",
    amounts=(1e-13, 10.0),
    usual=0.01,
    variants=tuple(PENALTIES),
    why="A penalty on the weights is differentiated with the loss, as in Adam with L2.",
    mend="Leave it to the optimizer: AdamW decays the weights apart from the gradient.",
    report=lambda t, amount, how: t.loss + one_each(amount) * PENALTIES[how][0](t),
    finish=lambda t, amount, how: t.dW + amount * PENALTIES[how][1](t),
)


def running(t: Tape, keep: Any, start: Any) -> Array:
    """The running mean of the losses of all calls."""
    keep = one_each(keep)
    t.memory["mean"] = keep * t.memory.get("mean", start) + (1 - keep) * t.loss
    return t.memory["mean"]


enter(
    "running mean of the loss",
    loss_alone=True,
    remembers=True,
    amounts=(0.01, 0.99999),
    usual=0.99,
    why="The smoothed loss, which is for a progress bar, is returned.",
    mend="Return the loss of this batch, and smooth it where it is printed.",
    report={
        "": lambda t, keep: running(t, keep, t.loss),
        "from log V": lambda t, keep: running(t, keep, np.log(t.V)),
        "from 0": lambda t, keep: running(t, keep, 0.0),
    },
)

enter(
    "loss rounded",
    variants=tuple(f"to {k} places" for k in range(1, 13)),
    precision=True,
    why="round() belongs to the printed loss, not to the one that is returned.",
    mend="Round where it is printed.",
    loss_alone=True,
    report=lambda t, how: np.round(t.loss, int(how.split()[1])),
)

enter(
    "loss in low precision",
    in_loss="loss in float32 where float64 was asked",
    variants=("", "float16"),
    loss_alone=True,
    precision=True,
    why=(
        "A default dtype somewhere on the way: torch.tensor of a list, np.float32 in a constructor."
    ),
    mend="Take the dtype from W and pass it on.",
    report=lambda t, dtype: t.loss.astype(dtype or "float32").astype(t.W.dtype),
)
