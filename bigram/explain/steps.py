"""Each operation of the pass: its local rule, the reason for it, its formula, and the expression of
every entry of its result. ``record.py`` adds the values.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len

from bigram.explain.mathml import (
    BETA1,
    BETA2,
    ROW_MAX,
    SOFTMAX,
    TARGET,
    either,
    exp,
    frac,
    ij,
    kj,
    one_minus_power,
    root,
    row,
    sub,
    summed,
    token,
)
from common.arrays import Ids
from impl_numpy import cross_entropy, pair_counts, stepwise
from impl_numpy.adamw import AdamW


class Entry(NamedTuple):
    """One entry of a tensor, or a scalar, inside an expression."""

    key: str
    where: tuple[int, ...] = ()


Expression = list[str | Entry]  # entries, and the text between them


class Step(NamedTuple):
    """One operation."""

    key: str  # of its result
    axes: str  # of its result: k counts tokens; i and j characters
    rule: str
    formula: str  # the rule in MathML
    why: str
    entry: Callable[..., Expression]  # of the indices of one entry
    code: tuple[Callable[..., Any], ...]  # the functions that compute it
    shown: str = ".4f"  # how its values are written
    name: str = ""  # where two results have one name, that name; else the key

    @property
    def label(self) -> str:
        """The name of the result in the code."""
        return self.name or self.key


PARTS = {
    "forward": "Forward: from the table to the loss",
    "backward": "Backward: the same names, from the loss to the table",
    "collapse": "All of it collapses: softmax minus one-hot",
    "counts": "The same gradient from the counts of the pairs",
    "adamw": "One AdamW step",
}


def steps(idx: Ids, targets: Ids, W: NDArray[np.floating]) -> dict[str, list[Step]]:
    """The operations of each part, in order. ``idx``, ``targets`` (N,), ``W`` (V, V)."""
    return {
        "forward": forward(idx, targets, W),
        "backward": backward(idx, targets, len(W)),
        "collapse": collapse(targets),
        "counts": counts(idx),
        "adamw": adamw(),
    }


def formulas() -> dict[str, str]:
    """The formula of each operation by its key; it is the same for every text."""
    one_token = np.zeros(1, dtype=np.int64)
    parts = steps(one_token, one_token, np.zeros((1, 1)))
    return {step.key: step.formula for part in parts.values() for step in part}


def forward(idx: Ids, targets: Ids, W: NDArray[np.floating]) -> list[Step]:
    """The operations of ``stepwise``, in the order of computation."""
    tokens, characters, top = range(len(idx)), range(len(W)), W.argmax(axis=1)[idx].tolist()
    return [
        Step("logits", "kj", "logits[k, j] = W[idx[k], j]",
             row(kj("logits"), "=", sub("W", sub("idx", "k"), "j")),
             "Each token looks up its row of the table.",
             lambda k, j: [Entry("W", (int(idx[k]), j))], (stepwise.lookup,), ".1f"),
        Step("z", "kj", "z[k, j] = logits[k, j] - max of logits[k]",
             row(kj("z"), "=", kj("logits"), "−", ROW_MAX),
             "The largest of each row is taken off, so that exp cannot overflow. Softmax stays "
             "the same.",
             lambda k, j: [Entry("logits", (k, j)), " - ", Entry("logits", (k, top[k]))],
             (stepwise.shift,), ".1f"),
        Step("e", "kj", "e[k, j] = exp(z[k, j])",
             row(kj("e"), "=", exp(kj("z"))),
             "Every entry becomes positive; the largest of a row becomes 1.",
             lambda k, j: ["exp(", Entry("z", (k, j)), ")"], (stepwise.exponential,)),
        Step("s", "k", "s[k] = sum of e[k, j] over j",
             row(sub("s", "k"), "=", summed("j", kj("e"))),
             "The sum of each row.",
             lambda k: total(Entry("e", (k, j)) for j in characters), (stepwise.row_sum,)),
        Step("log_s", "k", "log_s[k] = log(s[k])",
             row(sub("log_s", "k"), "=", "<mo>log</mo>", "(", sub("s", "k"), ")"),
             "Back to the scale of the logits. log is the natural logarithm.",
             lambda k: ["log(", Entry("s", (k,)), ")"], (stepwise.logarithm,)),
        Step("logp", "kj", "logp[k, j] = z[k, j] - log_s[k]",
             row(kj("logp"), "=", kj("z"), "−", sub("log_s", "k")),
             "The log of softmax, without ever dividing: exp(logp) is the probability.",
             lambda k, j: [Entry("z", (k, j)), " - ", Entry("log_s", (k,))], (stepwise.normalise,)),
        Step("picked", "k", "picked[k] = logp[k, targets[k]]",
             row(sub("picked", "k"), "=", sub("logp", "k", TARGET)),
             "The log-probability that the model gave to the true next character.",
             lambda k: [Entry("logp", (k, int(targets[k])))], (stepwise.pick,)),
        Step("loss", "", "loss = -(sum of picked[k] over k) / N",
             row("loss", "=", "−", frac("1", "N"), summed("k", sub("picked", "k"))),
             "The mean over all N tokens, with its sign turned so that less is better. In nats.",
             lambda: ["-(", *total(Entry("picked", (k,)) for k in tokens), ") / ", Entry("N")],
             (stepwise.mean_loss,)),
    ]  # fmt: skip


def backward(idx: Ids, targets: Ids, V: int) -> list[Step]:
    """The gradient of the loss with respect to each of them, in reverse order."""
    characters = range(V)
    return [
        Step("dloss", "", "dloss = 1",
             row("dloss", "=", frac("<mo>∂</mo><mi>loss</mi>", "<mo>∂</mo><mi>loss</mi>"), "=",
                 "1"),
             "Where every backward pass starts: the loss moves exactly as much as the loss.",
             lambda: ["1"], (stepwise.backward,), ".0f"),
        Step("dpicked", "k", "dpicked[k] = -dloss / N",
             row(sub("dpicked", "k"), "=", "−", frac("dloss", "N")),
             "The loss is a mean: every token has an N-th part in it.",
             lambda k: ["-", Entry("dloss"), " / ", Entry("N")], (stepwise.mean_loss_backward,)),
        Step("dlogp", "kj", "dlogp[k, j] = dpicked[k] if j == targets[k] else 0",
             row(kj("dlogp"), "=", either(sub("dpicked", "k"), row("j", "=", TARGET), "0")),
             "Only the entry that was picked has reached the loss.",
             lambda k, j: [Entry("dpicked", (k,))] if j == targets[k] else ["0"],
             (stepwise.pick_backward,)),
        Step("dlog_s", "k", "dlog_s[k] = -(sum of dlogp[k, j] over j)",
             row(sub("dlog_s", "k"), "=", "−", summed("j", kj("dlogp"))),
             "One log_s was taken off every entry of its row, so their gradients add up.",
             lambda k: ["-(", *total(Entry("dlogp", (k, j)) for j in characters), ")"],
             (stepwise.normalise_backward,)),
        Step("ds", "k", "ds[k] = dlog_s[k] / s[k]",
             row(sub("ds", "k"), "=", frac(sub("dlog_s", "k"), sub("s", "k"))),
             "The derivative of log(s) is 1 / s.",
             lambda k: [Entry("dlog_s", (k,)), " / ", Entry("s", (k,))],
             (stepwise.logarithm_backward,)),
        Step("de", "kj", "de[k, j] = ds[k]",
             row(kj("de"), "=", sub("ds", "k")),
             "Each entry counts once in its sum, so each gets the gradient of the whole sum.",
             lambda k, j: [Entry("ds", (k,))], (stepwise.row_sum_backward,)),
        Step("dz", "kj", "dz[k, j] = dlogp[k, j] + de[k, j] × e[k, j]",
             row(kj("dz"), "=", kj("dlogp"), "+", kj("de"), "×", kj("e")),
             "z was used twice, straight in logp and through exp, so two gradients add in it. exp "
             "is its own derivative: times e.",
             lambda k, j: [Entry("dlogp", (k, j)), " + ", Entry("de", (k, j)), " × ",
                           Entry("e", (k, j))],
             (stepwise.exponential_backward,)),
        Step("dlogits", "kj", "dlogits[k, j] = dz[k, j]",
             row(kj("dlogits"), "=", kj("dz")),
             "Softmax does not change when a whole row is shifted, so nothing flows through the "
             "maximum: each row of dz adds up to 0.",
             lambda k, j: [Entry("dz", (k, j))], (stepwise.shift_backward,)),
        Step("dW", "ij", "dW[i, j] = sum of dlogits[k, j] over every k with idx[k] == i",
             row(ij("dW"), "=", summed(row("k", ":", sub("idx", "k"), "=", "i"), kj("dlogits"))),
             "A row that was looked up twice is in the loss twice, so its gradients add up. A row "
             "that was never looked up has gradient 0.",
             lambda i, j: total(
                 Entry("dlogits", (k, j)) for k in np.flatnonzero(idx == i).tolist()),
             (stepwise.lookup_backward,)),
    ]  # fmt: skip


def collapse(targets: Ids) -> list[Step]:
    """The walk back from ``loss`` to ``logits`` in one step."""
    return [
        Step("p", "kj", "p[k, j] = e[k, j] / s[k]",
             row(kj("p"), "=", frac(kj("e"), sub("s", "k"))),
             "Softmax: the probability of each character as the next one. Each row adds up to 1.",
             lambda k, j: [Entry("e", (k, j)), " / ", Entry("s", (k,))],
             (cross_entropy.cross_entropy,)),
        Step("dlogits_fused", "kj", "dlogits[k, j] = (p[k, j] - (1 if j == targets[k] else 0)) / N",
             row(kj("dlogits"), "=", frac(row(kj("p"), "−", kj("onehot")), "N")),
             "The one-hot is 1 at the target and 0 elsewhere. dz above is -1 / N at the target, "
             "and ds × e = (1 / N) / s × e = p / N everywhere. So seven steps back are one: "
             "expected minus seen.",
             lambda k, j: [*(["(", Entry("p", (k, j)), " - 1)"] if j == targets[k]
                             else [Entry("p", (k, j))]), " / ", Entry("N")],
             (cross_entropy.cross_entropy_backward,), name="dlogits"),
    ]  # fmt: skip


def counts(idx: Ids) -> list[Step]:
    """The gradient once per character instead of once per token."""
    return [
        Step("C", "ij", "C[i, j] = how often j follows i",
             row(ij("C"), "=", "<mtext>how often&nbsp;</mtext>", "j",
                 "<mtext>&nbsp;follows&nbsp;</mtext>", "i"),
             "All that a bigram model can learn from a text.",
             lambda i, j: [], (pair_counts.loss_and_gradient,), ".0f"),
        Step("n", "i", "n[i] = sum of C[i, j] over j",
             row(sub("n", "i"), "=", summed("j", ij("C"))),
             "How often i was looked up at all.",
             lambda i: [], (pair_counts.loss_and_gradient_of_counts,), ".0f"),
        Step("softmax", "ij", "softmax(W)[i, j] = exp(W[i, j]) / sum of exp(W[i]) over the row",
             row(SOFTMAX, "=", frac(exp(ij("W")), summed("m", exp(sub("W", "i", "m"))))),
             "All tokens with the same character share a row, and so its probabilities.",
             lambda i, j: [Entry("p", (int((idx == i).argmax()), j))] if i in idx else [],
             (pair_counts.loss_and_gradient_of_counts,), name="softmax(W)"),
        Step("dW_counts", "ij", "dW[i, j] = (n[i] × softmax(W)[i, j] - C[i, j]) / N",
             row(ij("dW"), "=", frac(row(sub("n", "i"), "×", SOFTMAX, "−", ij("C")), "N")),
             "Of a character seen n times, n × p is how often the model expected each next one, "
             "and C how often it came. Where the two are equal nothing is left to learn.",
             lambda i, j: ["(", Entry("n", (i,)), " × ", Entry("softmax", (i, j)), " - ",
                           Entry("C", (i, j)), ") / ", Entry("N")],
             (pair_counts.loss_and_gradient_of_counts,), name="dW"),
    ]  # fmt: skip


def adamw() -> list[Step]:
    """The first update. Both moments start at 0."""
    g, m, v = "g", "exp_avg", "exp_avg_sq"
    one_minus: dict[str, Expression] = {
        beta: ["(1 - ", Entry(beta), ")"] for beta in ("beta1", "beta2")
    }
    corrected: dict[str, Expression] = {
        beta: ["(1 - ", Entry(beta), "^", Entry("t"), ")"] for beta in ("beta1", "beta2")
    }
    code = (AdamW.step,)
    return [
        Step("g", "ij", "g = dW",
             row("g", "=", "dW"),
             "The gradient from above, here with five digits.",
             lambda i, j: [Entry("dW_counts", (i, j))], code, ".5g"),
        Step("decayed", "ij", "decayed = W × (1 - lr × weight_decay)",
             row("decayed", "=", "W", "×", "(", "1", "−", "lr", "×", "weight_decay", ")"),
             "The decay comes first, apart from the gradient, and for every row.",
             lambda i, j: [Entry("W", (i, j)), " × (1 - ", Entry("lr"), " × ",
                           Entry("weight_decay"), ")"], code),
        Step(m, "ij", "exp_avg = exp_avg + (1 - beta1) × (g - exp_avg)",
             row("exp_avg", "=", "0", "+", "(", "1", "−", BETA1, ")", "×", "(", "g", "−", "0", ")"),
             "The running mean of the gradient. It starts at 0.",
             lambda i, j: ["0 + ", *one_minus["beta1"], " × (", Entry(g, (i, j)), " - 0)"],
             code, ".5g"),
        Step(v, "ij", "exp_avg_sq = exp_avg_sq × beta2 + (1 - beta2) × g × g",
             row("exp_avg_sq", "=", "0", "×", BETA2, "+", "(", "1", "−", BETA2, ")", "×", "g", "×",
                 "g"),
             "The running mean of its square. It starts at 0.",
             lambda i, j: ["0 × ", Entry("beta2"), " + ", *one_minus["beta2"], " × ",
                           Entry(g, (i, j)), " × ", Entry(g, (i, j))], code, ".5g"),
        Step("denominator", "ij", "denominator = sqrt(exp_avg_sq) / sqrt(1 - beta2^t) + eps",
             row("denominator", "=", frac(root(token("exp_avg_sq")), root(one_minus_power(BETA2))),
                 "+", "eps"),
             "The size of the gradient, corrected for the start from 0; t is 1. eps comes after "
             "that.",
             lambda i, j: ["sqrt(", Entry(v, (i, j)), ") / sqrt", *corrected["beta2"], " + ",
                           Entry("eps")], code, ".5g"),
        Step("update", "ij", "update = lr / (1 - beta1^t) × exp_avg / denominator",
             row("update", "=", frac("lr", one_minus_power(BETA1)), "×", frac("exp_avg",
                 "denominator")),
             "At the first step this is lr × g / |g|: every entry moves by lr, however large or "
             "small its gradient.",
             lambda i, j: [Entry("lr"), " / ", *corrected["beta1"], " × ", Entry(m, (i, j)), " / ",
                           Entry("denominator", (i, j))], code),
        Step("W_after", "ij", "W = decayed - update",
             row("W", "=", "decayed", "−", "update"),
             "The table after one step. A row that was never looked up has only decayed.",
             lambda i, j: [Entry("decayed", (i, j)), " - ", Entry("update", (i, j))],
             code, name="W"),
    ]  # fmt: skip


def total(entries: Iterable[Entry]) -> Expression:
    """The entries with plus signs between them; 0 if there are none."""
    return [piece for entry in entries for piece in (" + ", entry)][1:] or ["0"]


def number(value: float, shown: str) -> str:
    """A number as it is written everywhere; never -0."""
    text = format(float(value), shown)
    return text.lstrip("-") if float(text) == 0 else text


def character(ch: str) -> str:
    """A character as one is shown: itself, in one column or two; an open box for a space; an escape
    for a character that cannot be seen alone, and for the open box and the backslash themselves."""
    if ch == " ":
        return "␣"
    if ch.isprintable() and cell_len(ch) and ch not in "␣\\":
        return ch
    return escape(ch)


def escape(ch: str) -> str:
    """A character in ASCII, as Python writes it in a string."""
    return ch.encode("unicode_escape").decode("ascii")
