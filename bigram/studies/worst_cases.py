"""A search for the correct code that comes nearest to its bound: ``python -m
bigram.studies.worst_cases``.

Each climb starts from a random table and keeps each change that brings the largest fraction of a
bound up. The tables are those in which roundings add up instead of cancelling: ties, one dominant
logit, log counts, probabilities at the edge of the smallest numbers, offsets of 1,000. A row of the
table that is repeated in all rows makes the same errors in each, so that they add up in the loss
too.

The truth is in long double, which must have more digits than float64. Minutes on one core.
"""

import itertools
from collections.abc import Callable

import numpy as np

from bigram.bounds import MomentBounds, gradient_bound, room, unit_roundoff, update_residual
from bigram.comparator import compare_tensor
from bigram.doctor.evidence import FORMS, TorchAdamW
from bigram.doctor.optimizer import Run
from bigram.terminal import number
from common.arrays import Array, Ids
from common.config import Config
from impl_numpy.adamw import AdamW
from impl_numpy.fast.large_vocab import rows_of_gradient

# The vocabularies, and how many tables a climb tries.
TRIES = {1: 20, 2: 300, 5: 300, 65: 300, 256: 150, 1024: 40, 4096: 10}
ROWS = 8  # of a table that the batch holds, at most
RUNS = 60  # that a climb of AdamW tries
SEEDS = range(2)
DTYPES = ("float64", "float32")


def by_rows(W: Array, idx: Ids, targets: Ids) -> tuple[float, Array]:
    """The form for large vocabularies, with the rows that it leaves out."""
    loss, rows, of_rows = rows_of_gradient(W, idx, targets)
    dW = np.zeros_like(W)
    dW[rows] = of_rows
    return loss, dW


FORMS_TRIED = FORMS | {"NumPy rows": by_rows}


def truth(x: Array, C: Ids) -> tuple[float, Array]:
    """Loss and gradient of the rows ``x``, (R, V), in long double."""
    z = x.astype(np.longdouble)
    z -= z.max(axis=1, keepdims=True)
    e = np.exp(z)
    s, n = e.sum(axis=1, keepdims=True), C.sum(axis=1, keepdims=True)
    return float(((n * np.log(s)).sum() - (C * z).sum()) / n.sum()), (n * (e / s) - C) / n.sum()


def random_row(rng: np.random.Generator, V: int, dtype: str) -> Array:
    """Logits, (V,), in which roundings have a reason to agree."""
    far = {"float32": 104.0, "float64": 746.0}[dtype]  # where exp is the smallest number there is
    below = -float(rng.choice([rng.uniform(0, 3), rng.uniform(0, 25), rng.uniform(0, far)]))
    x = np.full(V, below)
    kind = rng.integers(5)
    if kind == 0:
        x[rng.integers(V) if rng.random() < 0.5 else 0] = 0
    elif kind == 1:
        x[: rng.integers(1, V + 1)] = 0
    elif kind == 2:
        x[rng.random(V) < rng.random()] = 0
    elif kind == 3:
        x = np.log(rng.poisson(rng.choice([0.1, 1, 24]), V) + 1.0)
    else:
        x = rng.standard_normal(V) * below
    return (x + rng.choice([0, 0, 0, 1000, -1000])).astype(dtype)


def changed(rng: np.random.Generator, x: Array) -> Array:
    """A neighbour of the row ``x``: all of it stretched a little, or one logit moved."""
    if rng.random() < 0.7:
        return x * x.dtype.type(1 + rng.choice([1e-1, 1e-2, 1e-4]) * rng.standard_normal())
    x = x.copy()
    x[rng.integers(len(x))] += rng.choice([1.0, 0.1]) * rng.standard_normal()
    return x


def climb(name: str, dtype: str, V: int, seed: int, tries: int) -> tuple[float, float]:
    """The largest fraction of the loss's bound and of the gradient's that one climb finds."""
    rng, form, u = np.random.default_rng([seed, V]), FORMS_TRIED[name], unit_roundoff(dtype)
    by_torch = name == "torch autograd"
    per_token = by_torch or name in ("NumPy stepwise", "NumPy fused")
    R = min(V, ROWS)
    W = np.zeros((V, V), dtype)
    best: dict[str, tuple[float, Array]] = {"loss": (0.0, W[0]), "dW": (0.0, W[0])}
    for _ in range(tries):
        aim = str(rng.choice(["loss", "dW"]))
        rows = [
            changed(rng, best[aim][1]) if rng.random() < 0.5 else random_row(rng, V, dtype)
            for _ in range(R)
        ]
        W[:R] = rows[:1] if aim == "loss" else rows
        idx = np.repeat(np.arange(R), rng.choice([1, 3, 24]))[None]
        likely = W.argmax(axis=1)[idx]
        targets = likely if rng.random() < 0.5 else rng.integers(V, size=idx.shape)
        C = np.zeros((R, V), np.int64)
        np.add.at(C, (idx, targets), 1)
        true_loss, true_dW = truth(W[:R], C)
        loss, dW = form(W, idx, targets)
        loss_bound = room(dtype, V, lanes=by_torch) * u * max(1.0, abs(true_loss))
        bound = gradient_bound(W[:R], C, exp_of_log=by_torch, per_token=per_token)
        found = compare_tensor("dW", dW[:R], true_dW, bound)
        row = found.where[0] if found.where else 0
        for of, fraction, x in (
            ("loss", abs(loss - true_loss) / loss_bound, W[0]),
            ("dW", found.fraction_of_bound, W[row]),
        ):
            if fraction > best[of][0]:
                best[of] = fraction, x.copy()
    return best["loss"][0], best["dW"][0]


def random_settings(rng: np.random.Generator) -> dict[str, float]:
    """Hyperparameters from anywhere that a run may be given them, by name."""
    lr = 10 ** rng.uniform(-4, 3)
    return {
        "lr": lr,
        "weight_decay": rng.choice([0, 0.01, 0.5, 0.99]) * min(1, 1 / lr),
        "beta1": rng.choice([0, 0.001, 0.1, 0.5, 0.9, 0.999]),
        "beta2": rng.choice([0, 0.001, 0.5, 0.9, 0.999]),
        "eps": 10 ** rng.uniform(-12, -3),
        "size": rng.choice([1, 1e-3, 1e-8, 1e-15]),  # of the gradients
        "undoes": rng.choice([0, 0.5]),  # how often a gradient undoes the mean so far
    }


def run_of(
    rng: np.random.Generator, settings: dict[str, float], dtype: str, steps: int = 25
) -> Run:
    """Gradients given in advance for AdamW with those settings."""
    g = dict(settings)
    betas = g.pop("beta1"), g.pop("beta2")
    size, undoes = g.pop("size"), g.pop("undoes")
    mean, gradients = np.zeros((4, 16)), []
    for _ in range(steps):
        dW = size * rng.standard_normal(mean.shape) * (rng.random((4, 1)) < 0.7)
        if rng.random() < undoes:
            dW = -betas[0] / (1 - betas[0]) * mean * (1 + 1e-3 * rng.standard_normal(mean.shape))
        gradients.append(dW.astype(dtype))
        mean = betas[0] * mean + (1 - betas[0]) * dW
    W = rng.standard_normal(mean.shape).astype(dtype)
    return Run("searched", W, gradients, g | {"betas": betas})


def fractions_of(run: Run) -> dict[str, float]:
    """Of each bound on AdamW, the largest fraction in one run: of each implementation's table
    against long double, and between the two after every step."""
    dtype = run.W.dtype.name
    settings = {name: value for name, value in run.settings.items() if name != "weight_decay"}
    config = Config(dtype=dtype, weight_decay=run.settings["weight_decay"], **settings)
    W, other = run.W.copy(), run.W.copy()  # changed in place by the two
    ours, theirs = AdamW(W, **run.settings), TorchAdamW(other, **run.settings)
    bounds = MomentBounds(W.shape, dtype, config.betas)
    worst = dict.fromkeys(("exp_avg", "exp_avg_sq", "update"), 0.0)
    before: Array = np.zeros(W.shape)
    histories: tuple[list[Array], list[Array]] = [], []
    for t, g in enumerate(run.gradients, start=1):
        ours.step(W, g)
        theirs.step(other, g)
        state = theirs.optimizer.state[theirs.weight]
        others = state["exp_avg"].numpy(), state["exp_avg_sq"].numpy()
        moments = ours.exp_avg, ours.exp_avg_sq
        bounds.step(g, np.zeros(W.shape), *moments)
        after = W.astype(np.float64) - other
        update = update_residual(config, t, before, after, (W, other), moments, others)
        before = after
        for name, a, b, limit in (
            ("exp_avg", moments[0], others[0], bounds.exp_avg),
            ("exp_avg_sq", moments[1], others[1], bounds.exp_avg_sq),
            ("update", update.residual, np.zeros(W.shape), update.rounding),
        ):
            worst[name] = max(worst[name], compare_tensor(name, a, b, limit).fraction_of_bound)
        for history, table in zip(histories, (W, other), strict=True):
            history.append(table.copy())
    true, bound = run.truth_and_bound
    for name, history in zip(("NumPy AdamW", "torch AdamW"), histories, strict=True):
        worst[name] = compare_tensor("W", np.array(history), true, bound).fraction_of_bound
    return worst


def climb_adamw(dtype: str, seed: int, runs: int = RUNS) -> dict[str, float]:
    """The largest fraction of each bound that one climb finds."""
    rng = np.random.default_rng(seed)
    best: dict[str, tuple[float, dict[str, float]]] = {}
    for _ in range(runs):
        settings = random_settings(rng)
        # some settings of the best so far, for one bound or another
        if best and rng.random() < 0.5:
            of = str(rng.choice(list(best)))
            settings |= {name: value for name, value in best[of][1].items() if rng.random() < 0.7}
            settings["weight_decay"] = min(settings["weight_decay"], 0.99 / settings["lr"])
        for name, fraction in fractions_of(run_of(rng, settings, dtype)).items():
            if name not in best or fraction > best[name][0]:
                best[name] = fraction, settings
    return {name: fraction for name, (fraction, _) in best.items()}


ADAMW_LABELS: dict[str, str] = {
    "exp_avg": "exp_avg, NumPy and torch",
    "exp_avg_sq": "exp_avg_sq, NumPy and torch",
    "update": "weights by one update, NumPy and torch",
    "NumPy AdamW": "weights, NumPy and the truth",
    "torch AdamW": "weights, torch and the truth",
}


def report(say: Callable[[str], object] = print) -> float:
    """Says the worst of every bound in Markdown, and returns the worst of all."""
    worst = 0.0
    say("| | dtype | loss, of its bound | V, seed | dW, of its bound | V, seed |")
    say("|---|---|--:|---|--:|---|")
    for name, dtype in itertools.product(FORMS_TRIED, DTYPES):
        tried = itertools.product(TRIES.items(), SEEDS)
        found = [(climb(name, dtype, V, seed, tries), V, seed) for (V, tries), seed in tried]
        line = f"| {name} | {dtype} |"
        for of in (0, 1):
            fraction, V, seed = max((fractions[of], V, seed) for fractions, V, seed in found)
            line += f" {number(fraction)} | {V:,}, {seed} |"
            worst = max(worst, fraction)
        say(line)
    say("")
    say("| AdamW | dtype | of its bound | seed |")
    say("|---|---|--:|---|")
    for dtype in DTYPES:
        climbs = {seed: climb_adamw(dtype, seed) for seed in SEEDS}
        for name, text in ADAMW_LABELS.items():
            fraction, seed = max((climbs[seed][name], seed) for seed in SEEDS)
            say(f"| {text} | {dtype} | {number(fraction)} | {seed} |")
            worst = max(worst, fraction)
    return worst


if __name__ == "__main__":
    report()
