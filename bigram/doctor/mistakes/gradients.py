"""Wrong gradients and wrong losses that people really write, each by name, with the code of the mistake.

The gradient is taken in six stages, the loss in a seventh. Here they are done right; below, each
mistake is *one* stage done wrong, as it looks in the wild, with a sentence on how it arises and one on
how to mend it. Stages can be exchanged one by one, so two mistakes in different stages can be made at once.
The wrong optimizers are in ``optimizers.py``; the diagnosis is in ``bigram/doctor/gradient.py``.

Shapes at each stage, with N tokens: ``rows``, ``ys`` (N,); ``logits``, ``p``, ``d`` (N, V); ``dW`` (V, V).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from common.arrays import Array, Ids

Gradient = Callable[[Array, Ids, Ids], tuple[float, Array]]


@dataclass(frozen=True)
class Mistake:
    """One thing done wrong."""

    name: str
    why: str  # how it arises
    mend: str  # what to do instead
    stage: str  # where it sits: two mistakes in one stage cannot be made together
    code: Any  # the stage done wrong


# --- the stages, done right ---------------------------------------------------------------------------


def pairs(idx: Ids, targets: Ids) -> tuple[Ids, Ids]:
    """``rows, ys``: a batch is N separate pairs."""
    return idx.ravel(), targets.ravel()


def softmax(logits: Array, W: Array | None = None) -> Array:
    """``p``: of each row by itself, whatever else is in the table."""
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def dlogits(p: Array, ys: Ids) -> Array:
    """``d``: softmax minus one-hot, of each token."""
    d = p.copy()
    d[np.arange(len(ys)), ys] -= 1
    return d


def average(d: Array, B: int, T: int) -> Array:
    """Each token has an N-th part in a mean."""
    return d / (B * T)


def scatter(d: Array, rows: Ids, V: int) -> Array:
    """``dW``: every token's gradient is added to the row that it looked up."""
    dW = np.zeros((V, V), dtype=d.dtype)
    np.add.at(dW, rows, d)
    return dW


def finish(dW: Array, W: Array, rows: Ids, memory: dict[Any, Any]) -> Array:
    """Nothing is left to do. ``memory`` outlives the call."""
    return dW


def mean_loss(logits: Array, ys: Ids, B: int, T: int) -> float:
    """The mean of -log p[target] over all tokens, in nats."""
    return float(-log_p(logits, ys).mean())


def log_p(logits: Array, ys: Ids) -> Array:
    """(N,): log softmax(logits) at the targets."""
    z = logits - logits.max(axis=1, keepdims=True)
    return z[np.arange(len(ys)), ys] - np.log(np.exp(z).sum(axis=1))


STAGES: dict[str, Any] = {
    stage.__name__: stage for stage in (pairs, softmax, dlogits, average, scatter, finish, mean_loss)
}


def build(mistakes: Iterable[Mistake] = ()) -> Gradient:
    """A gradient with these mistakes in it, ``(W, idx, targets) -> (loss, dW)``, and a memory of its own;
    without any, a correct one."""
    mistakes = list(mistakes)
    mean_loss_of = (STAGES | {mistake.stage: mistake.code for mistake in mistakes})["mean_loss"]
    gradient = build_without_loss(mistakes)

    def loss_and_gradient(W: Array, idx: Ids, targets: Ids) -> tuple[float, Array]:
        dW = gradient(W, idx, targets)
        return mean_loss_of(W[idx.ravel()], targets.ravel(), *idx.shape), dW

    return loss_and_gradient


def build_without_loss(mistakes: Iterable[Mistake]) -> Callable[[Array, Ids, Ids], Array]:
    """The same where only dW is asked for, as in training: ``(W, idx, targets) -> dW``."""
    stage = STAGES | {mistake.stage: mistake.code for mistake in mistakes}
    memory: dict[Any, Any] = {}

    def gradient(W: Array, idx: Ids, targets: Ids) -> Array:
        rows, ys = stage["pairs"](idx, targets)
        B, T = (len(rows) // idx.shape[1], idx.shape[1]) if len(rows) == idx.size else (len(rows), 1)
        p = stage["softmax"](W[rows], W)
        d = stage["average"](stage["dlogits"](p, ys), B, T)
        return stage["finish"](stage["scatter"](d, rows, len(W)), W, rows, memory)

    return gradient


GRADIENTS: list[Mistake] = []
LOSSES: list[Mistake] = []


def mistake(name: str, stage: Callable[..., Any], *, why: str, mend: str) -> Callable[[Any], Any]:
    """Enters the function below it in the catalogue."""

    def enter(code: Any) -> Any:
        code.__doc__ = why
        (LOSSES if stage is mean_loss else GRADIENTS).append(Mistake(name, why, mend, stage.__name__, code))
        return code

    return enter


# --- which pairs --------------------------------------------------------------------------------------


@mistake(
    "targets not shifted",
    pairs,
    why="The batch is cut once and used for both, so the model learns to repeat its input.",
    mend="Take the targets one character further on: y = data[i + 1 : i + T + 1].",
)
def targets_not_shifted(idx: Ids, targets: Ids) -> tuple[Ids, Ids]:
    return idx.ravel(), idx.ravel()


@mistake(
    "targets shifted the wrong way",
    pairs,
    why="np.roll(x, 1) moves to the right, so every character is asked for the one before it.",
    mend="Shift to the left: what follows x[t] is x[t + 1].",
)
def targets_shifted_the_wrong_way(idx: Ids, targets: Ids) -> tuple[Ids, Ids]:
    return idx.ravel(), np.roll(idx, 1, axis=1).ravel()


@mistake(
    "inputs and targets swapped",
    pairs,
    why="The arguments are handed over in the wrong order.",
    mend="The rows come from idx, the one-hot from targets.",
)
def inputs_and_targets_swapped(idx: Ids, targets: Ids) -> tuple[Ids, Ids]:
    return targets.ravel(), idx.ravel()


@mistake(
    "last position only",
    pairs,
    why="A line from generate, logits[:, -1], is left in the loss.",
    mend="Training uses every position: flatten (B, T) to N = B * T tokens.",
)
def last_position_only(idx: Ids, targets: Ids) -> tuple[Ids, Ids]:
    return idx[:, -1], targets[:, -1]


@mistake(
    "idx and targets flattened in different orders",
    pairs,
    why="One of the two was transposed to (T, B), and reshape does not put that back.",
    mend="Flatten both from the same (B, T) layout.",
)
def flattened_in_different_orders(idx: Ids, targets: Ids) -> tuple[Ids, Ids]:
    return idx.T.ravel(), targets.ravel()


# --- probabilities ------------------------------------------------------------------------------------


@mistake(
    "softmax over the wrong axis",
    softmax,
    why="axis=0 normalises each character over the tokens of the batch.",
    mend="Normalise over the last axis, the V candidates of one token.",
)
def softmax_over_the_wrong_axis(logits: Array, W: Array) -> Array:
    e = np.exp(logits - logits.max(axis=0, keepdims=True))
    return e / e.sum(axis=0, keepdims=True)


@mistake(
    "softmax over the whole table",
    softmax,
    why="np.exp(W) / np.exp(W).sum(): the table is made one distribution before rows are looked up.",
    mend="Sum with axis=1, keepdims=True: every row is a distribution of its own.",
)
def softmax_over_the_whole_table(logits: Array, W: Array) -> Array:
    return np.exp(logits - W.max()) / np.exp(W - W.max()).sum()


@mistake(
    "softmax over the whole batch",
    softmax,
    why="e / e.sum() without an axis divides by the sum of all tokens' rows.",
    mend="Sum with axis=1, keepdims=True: every row is a distribution of its own.",
)
def softmax_over_the_whole_batch(logits: Array, W: Array) -> Array:
    e = np.exp(logits - logits.max())
    return e / e.sum()


@mistake(
    "maximum not subtracted",
    softmax,
    why="exp of a logit above 709 is infinite, and infinity over infinity is not a number.",
    mend="Take the row maximum off before exp; the softmax is the same.",
)
def maximum_not_subtracted(logits: Array, W: Array) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):
        e = np.exp(logits)
        return e / e.sum(axis=1, keepdims=True)


@mistake(
    "softmax taken twice",
    softmax,
    why="Probabilities are handed to a cross-entropy that expects logits.",
    mend="Hand over the logits themselves.",
)
def softmax_taken_twice(logits: Array, W: Array) -> Array:
    return softmax(softmax(logits))


@mistake(
    "sigmoid instead of softmax",
    softmax,
    why="The derivative of a two-class output is carried over to V classes.",
    mend="Divide by the sum over the row: the V probabilities share one unit.",
)
def sigmoid_instead_of_softmax(logits: Array, W: Array) -> Array:
    return (1 + np.tanh(logits / 2)) / 2


@mistake(
    "probabilities clipped",
    softmax,
    why="np.clip(p, 1e-7, 1 - 1e-7) guards a log that the gradient does not contain.",
    mend="Do not clip: p - onehot is finite for every p.",
)
def probabilities_clipped(logits: Array, W: Array) -> Array:
    return np.clip(softmax(logits), 1e-7, 1 - 1e-7)


# --- the derivative of one token ----------------------------------------------------------------------


@mistake(
    "one-hot not subtracted",
    dlogits,
    why="The derivative of the log-sum is there, that of the target's own logit is forgotten.",
    mend="Subtract 1 at the target of every token.",
)
def one_hot_not_subtracted(p: Array, ys: Ids) -> Array:
    return p


@mistake(
    "sign flipped",
    dlogits,
    why="The loss is minus the log-probability, and the minus is lost on the way down.",
    mend="p - onehot, not onehot - p.",
)
def sign_flipped(p: Array, ys: Ids) -> Array:
    return -dlogits(p, ys)


@mistake(
    "times p (1 - p)",
    dlogits,
    why="The derivative of the sigmoid is multiplied on, as after a squared error.",
    mend="Leave it out: against -log p it has already cancelled.",
)
def times_p_one_minus_p(p: Array, ys: Ids) -> Array:
    return dlogits(p, ys) * p * (1 - p)


@mistake(
    "softmax Jacobian applied twice",
    dlogits,
    why="p - onehot is taken for the gradient at the probabilities and sent through softmax again.",
    mend="p - onehot is the gradient at the logits: nothing is left to multiply.",
)
def jacobian_applied_twice(p: Array, ys: Ids) -> Array:
    d = dlogits(p, ys)
    return p * (d - (p * d).sum(axis=1, keepdims=True))


@mistake(
    "only the target's entry",
    dlogits,
    why="Only -log p[target] is differentiated by its own logit; the others reach it through the sum.",
    mend="Every logit of the row has the gradient p, and the target's has p - 1.",
)
def only_the_targets_entry(p: Array, ys: Ids) -> Array:
    d, at = np.zeros_like(p), (np.arange(len(ys)), ys)
    d[at] = p[at] - 1
    return d


@mistake(
    "one-hot one place off",
    dlogits,
    why="Ids that start from 1, or a vocabulary with one more character than the other's.",
    mend="Subtract 1 at targets itself; ids start from 0.",
)
def one_hot_one_place_off(p: Array, ys: Ids) -> Array:
    return dlogits(p, (ys + 1) % p.shape[1])


@mistake(
    "eps inside the log",
    dlogits,
    why="-log(p + 1e-8) against log of zero: its derivative is smaller by p / (p + 1e-8).",
    mend="Work with log p = z - log(sum(exp(z))), which needs no eps.",
)
def eps_inside_the_log(p: Array, ys: Ids) -> Array:
    chosen = p[np.arange(len(ys)), ys][:, None]
    return dlogits(p, ys) * (chosen / (chosen + 1e-8))


@mistake(
    "log base 2",
    dlogits,
    why="The loss is in bits, so the gradient is larger by 1 / ln 2 = 1.4427.",
    mend="Use the natural logarithm, or compare with a loss in bits.",
)
def log_base_2(p: Array, ys: Ids) -> Array:
    return dlogits(p, ys) / np.log(2)


@mistake(
    "labels smoothed",
    dlogits,
    why="A label_smoothing of 0.1 was left on in one of the two.",
    mend="Switch it off, or on in both.",
)
def labels_smoothed(p: Array, ys: Ids) -> Array:
    return p + 0.9 * (dlogits(p, ys) - p) - 0.1 / p.shape[1]


# --- the mean -----------------------------------------------------------------------------------------


@mistake(
    "sum instead of mean",
    average,
    why="The 1 / N of the mean is forgotten on the way back.",
    mend="Divide by N = B * T.",
)
def sum_instead_of_mean(d: Array, B: int, T: int) -> Array:
    return d


@mistake(
    "mean over B only",
    average,
    why="len(idx) is the number of windows, not of tokens.",
    mend="Divide by B * T: idx.size, not len(idx).",
)
def mean_over_batch_only(d: Array, B: int, T: int) -> Array:
    return d / B


@mistake(
    "mean over T only",
    average,
    why="The mean is taken along time and the batch is summed.",
    mend="Divide by B * T.",
)
def mean_over_time_only(d: Array, B: int, T: int) -> Array:
    return d / T


@mistake(
    "off by a factor of V",
    average,
    why="dlogits.mean() or np.mean over an (N, V) array divides by V as well.",
    mend="Divide by the number of tokens, not of entries.",
)
def off_by_a_factor_of_v(d: Array, B: int, T: int) -> Array:
    return d / d.size


@mistake(
    "divided by N twice",
    average,
    why="The mean is taken in the loss and again in the scatter.",
    mend="Divide once.",
)
def divided_by_n_twice(d: Array, B: int, T: int) -> Array:
    return d / (B * T) ** 2


# --- back to the table --------------------------------------------------------------------------------


@mistake(
    "repeated ids lost",
    scatter,
    why="dW[idx] += d reads every row once, adds, and writes once: of a repeated id the last one stays.",
    mend="np.add.at(dW, idx, d), or a one-hot matrix product, or counts.",
)
def repeated_ids_lost(d: Array, rows: Ids, V: int) -> Array:
    dW = np.zeros((V, V), dtype=d.dtype)
    dW[rows] += d
    return dW


@mistake(
    "transposed",
    scatter,
    why="The table is read as W[next, current] in one place and W[current, next] in another.",
    mend="Row i holds what follows i: add to dW[idx], not to dW[:, idx].",
)
def transposed(d: Array, rows: Ids, V: int) -> Array:
    return scatter(d, rows, V).T


@mistake(
    "averaged over repeated ids",
    scatter,
    why="The rows of a repeated id are averaged, as a pooled embedding would.",
    mend="Add them: each use of a row is a path to the loss.",
)
def averaged_over_repeated_ids(d: Array, rows: Ids, V: int) -> Array:
    n = np.bincount(rows, minlength=V)
    return scatter(d, rows, V) / np.maximum(n, 1)[:, None]


@mistake(
    "last character's row never written",
    scatter,
    why="A loop runs over range(V - 1).",
    mend="range(V) already stops at V - 1.",
)
def last_row_never_written(d: Array, rows: Ids, V: int) -> Array:
    dW = scatter(d, rows, V)
    dW[V - 1] = 0
    return dW


@mistake(
    "first character taken for padding",
    scatter,
    why="nn.Embedding(padding_idx=0), or a mask of idx != 0, though 0 is a character here.",
    mend="There is no padding: every id has a row and every row a gradient.",
)
def first_character_taken_for_padding(d: Array, rows: Ids, V: int) -> Array:
    dW = scatter(d, rows, V)
    dW[0] = 0
    return dW


# --- afterwards ---------------------------------------------------------------------------------------


@mistake(
    "accumulated across calls",
    finish,
    why="The gradient is added to what the last call left, as .grad does without zero_grad.",
    mend="Start every call from zeros.",
)
def accumulated_across_calls(dW: Array, W: Array, rows: Ids, memory: dict[Any, Any]) -> Array:
    memory[W.shape] = memory.get(W.shape, 0) + dW
    return memory[W.shape]


@mistake(
    "unvisited rows not zero",
    finish,
    why="max(n, 1) against division by zero counts every absent character once.",
    mend="A character that is not in the batch has n = 0 and gradient 0.",
)
def unvisited_rows_not_zero(dW: Array, W: Array, rows: Ids, memory: dict[Any, Any]) -> Array:
    absent = np.bincount(rows, minlength=len(W)) == 0
    dW[absent] = softmax(W[absent]) / len(rows)
    return dW


@mistake(
    "weight decay in the gradient",
    finish,
    why="A penalty of 0.01 on the weights is differentiated with the loss, as in Adam with L2.",
    mend="Leave it to the optimizer: AdamW decays the weights apart from the gradient.",
)
def weight_decay_in_the_gradient(dW: Array, W: Array, rows: Ids, memory: dict[Any, Any]) -> Array:
    return dW + 0.01 * W


@mistake(
    "one entry off by 1e-9",
    finish,
    why="A single cell is touched by something else: an index off by one, a race, a stray write.",
    mend="Look at what writes to the cell that the report names.",
)
def one_entry_off(dW: Array, W: Array, rows: Ids, memory: dict[Any, Any]) -> Array:
    dW = dW.copy()
    dW[rows[0], -1] += 1e-9
    return dW


@mistake(
    "float32 where float64 was asked",
    finish,
    why="A default dtype somewhere on the way: torch.tensor of a list, np.float32 in a constructor.",
    mend="Take the dtype from W and pass it on.",
)
def float32_where_float64_was_asked(dW: Array, W: Array, rows: Ids, memory: dict[Any, Any]) -> Array:
    return dW.astype(np.float32).astype(W.dtype)


# --- the loss -----------------------------------------------------------------------------------------


@mistake(
    "loss summed, not averaged",
    mean_loss,
    why="reduction='sum', or a running total that is never divided.",
    mend="Divide by N = B * T.",
)
def loss_summed(logits: Array, ys: Ids, B: int, T: int) -> float:
    return float(-log_p(logits, ys).sum())


@mistake(
    "loss averaged over B only",
    mean_loss,
    why="len(idx) is the number of windows, not of tokens.",
    mend="Divide by B * T.",
)
def loss_averaged_over_batch(logits: Array, ys: Ids, B: int, T: int) -> float:
    return float(-log_p(logits, ys).sum() / B)


@mistake(
    "loss averaged over T only",
    mean_loss,
    why="The mean is taken along time and the batch is summed.",
    mend="Divide by B * T.",
)
def loss_averaged_over_time(logits: Array, ys: Ids, B: int, T: int) -> float:
    return float(-log_p(logits, ys).sum() / T)


@mistake(
    "loss in bits",
    mean_loss,
    why="np.log2 where np.log is meant.",
    mend="Nats are the natural logarithm; bits are larger by 1.4427.",
)
def loss_in_bits(logits: Array, ys: Ids, B: int, T: int) -> float:
    return mean_loss(logits, ys, B, T) / float(np.log(2))


@mistake(
    "sign of the loss flipped",
    mean_loss,
    why="The mean log-probability is returned without its minus.",
    mend="The loss is minus the mean log-probability: it is never negative.",
)
def loss_sign_flipped(logits: Array, ys: Ids, B: int, T: int) -> float:
    return -mean_loss(logits, ys, B, T)


@mistake(
    "perplexity instead of loss",
    mean_loss,
    why="exp of the mean loss is reported.",
    mend="Leave out the exp.",
)
def perplexity(logits: Array, ys: Ids, B: int, T: int) -> float:
    return float(np.exp(mean_loss(logits, ys, B, T)))


@mistake(
    "log of the mean probability",
    mean_loss,
    why="The probabilities are averaged first and the logarithm taken last.",
    mend="Take the logarithm of each token's probability, then the mean.",
)
def log_of_the_mean(logits: Array, ys: Ids, B: int, T: int) -> float:
    return float(-np.log(np.exp(log_p(logits, ys)).mean()))


@mistake(
    "eps inside the log of the loss",
    mean_loss,
    why="-log(p + 1e-8) against log of zero.",
    mend="Work with log p = z - log(sum(exp(z))), which needs no eps.",
)
def loss_with_eps(logits: Array, ys: Ids, B: int, T: int) -> float:
    return float(-np.log(np.exp(log_p(logits, ys)) + 1e-8).mean())


@mistake(
    "loss of clipped probabilities",
    mean_loss,
    why="np.clip(p, 1e-7, 1 - 1e-7) before the logarithm hides every loss beyond 16.1 nats.",
    mend="Work with log p = z - log(sum(exp(z))), which is finite without it.",
)
def loss_clipped(logits: Array, ys: Ids, B: int, T: int) -> float:
    return float(-np.log(np.clip(np.exp(log_p(logits, ys)), 1e-7, 1 - 1e-7)).mean())


@mistake(
    "logarithm of an underflowed probability",
    mean_loss,
    why="log(softmax(logits)) meets log(0) where a probability is below the smallest number.",
    mend="Work with log p = z - log(sum(exp(z))), which stays finite.",
)
def loss_of_underflowed_probability(logits: Array, ys: Ids, B: int, T: int) -> float:
    with np.errstate(divide="ignore"):
        return float(-np.log(softmax(logits)[np.arange(len(ys)), ys]).mean())


@mistake(
    "overflow in the loss",
    mean_loss,
    why="exp of a logit above 709 is infinite, and so is the logarithm of its sum.",
    mend="Take the row maximum off before exp.",
)
def loss_overflows(logits: Array, ys: Ids, B: int, T: int) -> float:
    with np.errstate(all="ignore"):
        logp = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return float(-logp[np.arange(len(ys)), ys].mean())


@mistake(
    "labels smoothed in the loss",
    mean_loss,
    why="A label_smoothing of 0.1 was left on in one of the two.",
    mend="Switch it off, or on in both.",
)
def loss_of_smoothed_labels(logits: Array, ys: Ids, B: int, T: int) -> float:
    z = logits - logits.max(axis=1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return float(-(0.9 * logp[np.arange(len(ys)), ys] + 0.1 * logp.mean(axis=1)).mean())


@mistake(
    "loss of the last position only",
    mean_loss,
    why="A line from generate, logits[:, -1], is left in the loss.",
    mend="Average over every position.",
)
def loss_of_the_last_position(logits: Array, ys: Ids, B: int, T: int) -> float:
    return float(-log_p(logits, ys).reshape(B, T)[:, -1].mean())


@mistake(
    "loss in float32 where float64 was asked",
    mean_loss,
    why="A default dtype somewhere on the way: torch.tensor of a list, np.float32 in a constructor.",
    mend="Take the dtype from W and pass it on.",
)
def loss_in_float32(logits: Array, ys: Ids, B: int, T: int) -> float:
    return float(np.float32(mean_loss(logits, ys, B, T)))
