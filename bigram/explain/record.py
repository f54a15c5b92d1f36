"""One forward and backward pass on a short text as one record.

Every value is computed by ``impl_numpy``, with torch's value beside it. Every entry names the
entries and the arithmetic that it comes from. ``steps.py`` has the rules; ``text.py`` prints the
record and ``page.py`` makes a page of it, and neither computes anything.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bigram.bounds import gradient_bound
from bigram.comparator import Row, compare_tensor
from bigram.doctor.intermediates import intermediates, torch_intermediates
from bigram.explain.steps import PARTS, Step, character, number, steps
from common.arrays import Array, Ids
from common.config import Config
from common.errors import UserError
from common.pairs import conditional_entropy, count_pairs
from common.tokenizer import CharTokenizer
from common.training import initial_table
from impl_numpy import NumpyTrainer, cross_entropy, pair_counts, stepwise

if TYPE_CHECKING:
    from bigram.runs.compare import Largest

Values = dict[str, Any]

MOST_CHARACTERS = 10  # distinct ones: the columns of a matrix
MOST_PAIRS = 20  # its rows
TRAINING_STEPS = 200
LR = 0.1  # a hundred times the published one, so that 200 steps are enough
SHOWN = {"W": ".1f"} | dict.fromkeys(["N", "lr", "beta1", "beta2", "eps", "weight_decay", "t"], "g")
ROOT = Path(__file__).parents[2]


def explain(text: str, table: Array | None = None) -> dict[str, Any]:
    """The whole record, ready for JSON. torch's values are None where torch is not installed. The
    scores are random, or those of ``table`` (V, V), in which each number has at most one decimal.

    Raises ``UserError`` for a text without a pair, and for one of more than ``MOST_PAIRS`` pairs or
    ``MOST_CHARACTERS`` distinct characters.
    """
    check_length(text)
    tokenizer = CharTokenizer(text)
    tokens = tokenizer.encode(text).astype(np.int64)
    idx, targets = tokens[:-1], tokens[1:]
    N, V = len(idx), tokenizer.vocab_size
    config = Config(batch_size=1, block_size=N, max_iters=TRAINING_STEPS, lr=LR, dtype="float64")
    seed = config.seed if table is None else None
    if table is None:
        table = initial_table(V, config.dtype, np.random.default_rng(seed))
    # One decimal, so that the table can be copied onto paper as it is; adding 0 turns -0 into 0.
    W = table.astype(config.dtype).round(1) + 0.0

    scalars = {
        "N": N,
        "lr": config.lr,
        "beta1": config.betas[0],
        "beta2": config.betas[1],
        "eps": config.eps,
        "weight_decay": config.weight_decay,
        "t": 1,
    }
    values = scalars | all_values(W, idx, targets, config)
    torch = torch_side(W, idx, targets, config)
    by_part = steps(idx, targets, W)
    every = {step.key: step for part in by_part.values() for step in part}
    most_used = int(np.bincount(idx).argmax())
    return {
        "text": text,
        "characters": [
            {"id": i, "character": ch, "shown": character(ch)} for i, ch in tokenizer.itos.items()
        ],
        "idx": idx.tolist(),
        "targets": targets.tolist(),
        "V": V,
        "dtype": config.dtype,
        "seed": seed,
        "torch": torch and torch["version"],
        "scalars": scalars,
        # The token whose entries are written out: the first of the character that is looked up most
        # often.
        "example": int((idx == most_used).argmax()),
        "W": {"key": "W", "name": "W", "axes": "ij", "shape": [V, V], "format": SHOWN["W"]}
        | written(W, SHOWN["W"]),
        "parts": PARTS,
        "steps": [
            {"part": part} | step_record(step, values, every, torch)
            for part, of_part in by_part.items()
            for step in of_part
        ],
        "agreement": agreement(W, idx, targets, values),
        "training": training(W, idx, targets, config) | {"torch": torch and torch["training"]},
    }


def check_length(text: str) -> None:
    """Raises ``UserError`` for a text that is too short or too long, with one that is not."""
    if len(text) < 2:
        size = "is empty" if not text else "has one character"
        raise UserError(f"the text {size}; a pair takes at least two: try bigram explain hello")
    pairs, distinct = len(text) - 1, len(set(text))
    if pairs > MOST_PAIRS or distinct > MOST_CHARACTERS:
        end = MOST_PAIRS + 1
        while len(set(text[:end])) > MOST_CHARACTERS:
            end -= 1
        raise UserError(
            f"the text has {pairs} pairs of {distinct} distinct characters, and every number is "
            f"shown: at most {MOST_PAIRS} pairs of {MOST_CHARACTERS}; take less of it, such as "
            f"{''.join(map(character, text[:end]))}"
        )


# The values, all of them computed by impl_numpy


def all_values(W: Array, idx: Ids, targets: Ids, config: Config) -> Values:
    """Every tensor by the key of its step."""
    values = stepwise.forward(W, idx, targets)
    gradients = stepwise.backward(W, idx, targets, values)
    _, p = cross_entropy.cross_entropy(W[idx], targets)
    C = count_pairs(idx, targets, len(W))
    return (
        {"W": W}
        | values
        | {f"d{name}": gradient for name, gradient in gradients.items()}
        | {"p": p, "dlogits_fused": cross_entropy.cross_entropy_backward(p, targets)}
        | {"C": C, "n": C.sum(axis=1), "softmax": softmax(W)}
        | {"dW_counts": pair_counts.loss_and_gradient_of_counts(W, C)[1]}
        | first_update(W, idx, targets, config)
    )


def softmax(W: Array) -> Array:
    """p of every row of the table, (V, V), also of characters that are not looked up."""
    return cross_entropy.cross_entropy(W, np.zeros(len(W), dtype=np.int64))[1]


def first_update(W: Array, idx: Ids, targets: Ids, config: Config) -> Values:
    """One AdamW step and its intermediate values. The step overwrites them, so they are computed
    again from the moments; a test checks that they lead to the same table."""
    trainer = NumpyTrainer(W, config)
    trainer.step(idx, targets)
    after = trainer.state()
    beta1, beta2 = config.betas
    denominator = np.sqrt(after.exp_avg_sq) / np.sqrt(1 - beta2) + config.eps
    return {
        "g": after.gradient,
        "decayed": W * (1 - config.lr * config.weight_decay),
        "exp_avg": after.exp_avg,
        "exp_avg_sq": after.exp_avg_sq,
        "denominator": denominator,
        "update": config.lr / (1 - beta1) * after.exp_avg / denominator,
        "W_after": after.weight,
    }


def training(W: Array, idx: Ids, targets: Ids, config: Config) -> dict[str, Any]:
    """Loss, table, probabilities and gradient after 0, 1, 2, ... updates, each on all pairs, in the
    decimals that are shown; and where they go: the counts' own frequencies, None for a character
    never looked up."""
    trainer = NumpyTrainer(W, config)
    C = count_pairs(idx, targets, len(W))
    tables: dict[str, list[Array]] = {"W": [], "p": [], "dW": []}
    losses = []
    for _ in range(config.max_iters + 1):
        before = trainer.state().weight.copy()
        # the loss and the gradient are those before the update
        losses.append(trainer.step(idx, targets))
        gradient = trainer.state().gradient
        for name, table in (("W", before), ("p", softmax(before)), ("dW", gradient)):
            tables[name].append(table.round(4) + 0.0)
    return {
        "steps": config.max_iters,
        "loss": (np.round(losses, 4) + 0.0).tolist(),
        "optimum": round(conditional_entropy(C), 4) + 0.0,  # not -0
        "frequencies": [(row / row.sum()).round(4).tolist() if row.any() else None for row in C],
    } | {name: np.array(history).tolist() for name, history in tables.items()}


# Their records


def step_record(
    step: Step, values: Values, every: dict[str, Step], torch: Values | None
) -> dict[str, Any]:
    """One operation: its result, where every entry of it comes from, and torch's result beside
    it."""
    value = np.asarray(values[step.key])
    entries = np.empty(value.shape, dtype=object)
    for where in np.ndindex(value.shape):
        entries[where] = written_out(step, where, values, every)
    theirs = None
    if torch and step.key in torch["values"]:
        theirs = written(torch["values"][step.key], step.shown) | torch["agreement"][step.key]
    return {
        "key": step.key,
        "name": step.label,
        "axes": step.axes,
        "shape": list(value.shape),
        "format": step.shown,
        "rule": step.rule,
        "why": step.why,
        "code": [code_record(function) for function in step.code],
        **written(value, step.shown),
        "entries": entries.tolist(),
        "torch": theirs,
    }


def written(value: Array, shown: str) -> dict[str, Any]:
    """The numbers of a tensor, and the same as they are shown, both nested lists of its shape."""
    strings = np.vectorize(number, otypes=[object], excluded=[1])(value, shown)
    return {"value": np.asarray(value).tolist(), "shown": strings.tolist()}


def written_out(
    step: Step, where: tuple[int, ...], values: Values, every: dict[str, Step]
) -> dict[str, Any] | None:
    """The arithmetic of one entry: with names, with numbers, and the entries it comes from. None
    where the rule says it all."""
    expression = step.entry(*where)
    names, numbers, sources = "", "", []
    for piece in expression:
        if isinstance(piece, str):
            names, numbers = names + piece, numbers + piece
            continue
        key, at = piece
        label = every[key].label if key in every else key
        names += f"{label}[{', '.join(map(str, at))}]" if at else label
        # A mere copy is shown in the digits of the copy.
        shown = step.shown if len(expression) == 1 else SHOWN.get(key) or every[key].shown
        text = number(values[key][at], shown) if at else number(values[key], shown)
        # A sign right after an operator is put in brackets.
        numbers += f"({text})" if text.startswith("-") and numbers.endswith((" ", "-")) else text
        if at:
            sources.append([key, list(at)])
    return {"names": names, "numbers": numbers, "from": sources} if expression else None


def code_record(function: Callable[..., Any]) -> dict[str, Any]:
    """Where a function is, and its source."""
    lines, line = inspect.getsourcelines(function)
    file = Path(inspect.getfile(function)).relative_to(ROOT).as_posix()
    return {
        "file": file,
        "line": line,
        "function": function.__qualname__,
        "source": inspect.cleandoc("\n" + "".join(lines)),
    }


def agreement(W: Array, idx: Ids, targets: Ids, values: Values) -> dict[str, Any]:
    """The two shorter forms of the gradient against ``stepwise``'s, within the bounds of
    ``bounds.py``. The dlogits of one token are an N-th of the dW of a text that has this token
    alone."""
    V, N = len(W), len(idx)
    alone = [count_pairs(idx[k : k + 1], targets[k : k + 1], V) for k in range(N)]
    one = [2 * gradient_bound(W, C)[i] / N for i, C in zip(idx, alone, strict=True)]
    C = values["C"]
    both = gradient_bound(W, C) + gradient_bound(W, C, per_token=True)
    return {
        "collapse": nearness(compare_tensor("", values["dlogits_fused"], values["dlogits"], one)),
        "counts": nearness(compare_tensor("", values["dW_counts"], values["dW"], both)),
    }


def nearness(seen: Row | Largest) -> dict[str, Any]:
    """The record of one comparison, or of all that are made in lockstep so far."""
    return {
        "exact": seen.max_abs == 0,
        "fraction_of_bound": seen.fraction_of_bound,
        "max_abs": seen.max_abs,
    }


def torch_side(W: Array, idx: Ids, targets: Ids, config: Config) -> Values | None:
    """torch's values by key, how near ours are to them, and the two models trained in lockstep;
    None where torch is not installed."""
    try:
        import torch

        from bigram.runs.compare import Lockstep
    except ModuleNotFoundError:
        return None
    lockstep = Lockstep(W, config, "cpu")
    lockstep.step(idx[None], targets[None])
    state = lockstep.torch.state()
    values = torch_intermediates(W, idx, targets)
    near = {row.name: nearness(row) for row in intermediates(W, idx, targets)}
    for key, name in (("exp_avg", "exp_avg"), ("exp_avg_sq", "exp_avg_sq"), ("W_after", "weight")):
        values[key] = getattr(state, name).copy()
        near[key] = nearness(lockstep.largest[name])
    # One update is judged by its own roundings, which are fewer than a run's.
    near["W_after"]["fraction_of_bound"] = lockstep.largest["update"].fraction_of_bound
    for _ in range(config.max_iters - 1):
        lockstep.step(idx[None], targets[None])
    return {
        "version": torch.__version__,
        "values": values,
        "agreement": near,
        "training": {name: nearness(seen) for name, seen in lockstep.largest.items()},
    }
