"""The loss one elementary operation at a time, each forward followed by its backward.
To read.

Every forward is one line of arithmetic; the backward under it is the chain rule for
that line alone: it is given the gradient of the loss with respect to the result, and
returns the gradient with respect to each argument. Nothing is fused, so nothing is
fast: see ``cross_entropy.py`` for what all of this collapses into, and
``pair_counts.py`` for what the trainer runs.

Gradients are named d + the name of what they belong to. Shapes: with N = B * T tokens,
``logits``, ``z``, ``e`` and ``logp`` are (N, V); ``s``, ``log_s`` and ``picked`` are
(N,); the loss is a scalar.
"""

from typing import Any

import numpy as np

from common.arrays import Array, Ids
from common.pairs import check_pairs


def lookup(W: Array, idx: Ids) -> Array:
    """``logits``: each token looks up its row of the table."""
    return W[idx]


def lookup_backward(dlogits: Array, W: Array, idx: Ids) -> Array:
    dW = np.zeros_like(W)
    # A character that occurs k times used its row k times, so k gradients
    # add up in that row. `dW[idx] += dlogits` would keep only the last of
    # them: it reads once, adds, writes once.
    np.add.at(dW, idx, dlogits)
    return dW


def shift(logits: Array) -> Array:
    """``z``: the row maximum is taken off, so that exp cannot overflow."""
    return logits - logits.max(axis=1, keepdims=True)


def shift_backward(dz: Array) -> Array:
    # Softmax is the same whatever is taken off a row, so the path through the maximum
    # has gradient -sum(dz) = 0 exactly. Only the path through the logits is left.
    return dz


def exponential(z: Array) -> Array:
    """``e``: every logit becomes positive."""
    return np.exp(z)


def exponential_backward(de: Array, e: Array) -> Array:
    return de * e  # exp is its own derivative


def row_sum(e: Array) -> Array:
    """``s``: what the row adds up to."""
    return e.sum(axis=1)


def row_sum_backward(ds: Array, e: Array) -> Array:
    return np.broadcast_to(ds[:, None], e.shape)  # each term counts once in its sum


def logarithm(s: Array) -> Array:
    """``log_s``: back to the scale of the logits."""
    return np.log(s)


def logarithm_backward(dlog_s: Array, s: Array) -> Array:
    return dlog_s / s


def normalise(z: Array, log_s: Array) -> Array:
    """``logp``: the log of softmax, without ever dividing."""
    return z - log_s[:, None]


def normalise_backward(dlogp: Array) -> tuple[Array, Array]:
    # dz, and dlog_s: one log_s serves all V entries of its row
    return dlogp, -dlogp.sum(axis=1)


def pick(logp: Array, targets: Ids) -> Array:
    """``picked``: the log-probability that the model gave to what really came next."""
    return logp[np.arange(len(targets)), targets]


def pick_backward(dpicked: Array, logp: Array, targets: Ids) -> Array:
    dlogp = np.zeros_like(logp)
    # no row is picked from twice: `=` will do
    dlogp[np.arange(len(targets)), targets] = dpicked
    return dlogp


def mean_loss(picked: Array) -> np.floating:
    """``loss``: the mean over all tokens, with its sign turned so that less is
    better."""
    return -picked.mean()


def mean_loss_backward(dloss: np.floating, picked: Array) -> Array:
    return np.full_like(picked, -dloss / len(picked))


def forward(W: Array, idx: Ids, targets: Ids) -> dict[str, Any]:
    """Every intermediate by name, in the order they are computed; ``loss`` is the last.

    ``W``: (V, V), float32 or float64, and so are all the intermediates. ``idx``,
    ``targets``: of one shape, at least one token, ids in [0, V), else ``UserError``.
    """
    check_pairs(idx, targets, len(W))
    # to a bigram model a batch is N separate pairs
    idx, targets = idx.ravel(), targets.ravel()
    logits = lookup(W, idx)
    z = shift(logits)
    e = exponential(z)
    s = row_sum(e)
    log_s = logarithm(s)
    logp = normalise(z, log_s)
    picked = pick(logp, targets)
    loss = mean_loss(picked)
    return {
        "logits": logits,
        "z": z,
        "e": e,
        "s": s,
        "log_s": log_s,
        "logp": logp,
        "picked": picked,
        "loss": loss,
    }


def backward(
    W: Array, idx: Ids, targets: Ids, values: dict[str, Any]
) -> dict[str, Any]:
    """The gradient of the loss with respect to each of ``values`` (from ``forward``),
    and ``W`` last."""
    idx, targets = idx.ravel(), targets.ravel()
    dloss = W.dtype.type(1)
    dpicked = mean_loss_backward(dloss, values["picked"])
    dlogp = pick_backward(dpicked, values["logp"], targets)
    dz_direct, dlog_s = normalise_backward(dlogp)
    ds = logarithm_backward(dlog_s, values["s"])
    de = row_sum_backward(ds, values["e"])
    # z was used twice: its gradients add
    dz = dz_direct + exponential_backward(de, values["e"])
    dlogits = shift_backward(dz)
    dW = lookup_backward(dlogits, W, idx)
    return {
        "loss": dloss, "picked": dpicked, "logp": dlogp, "log_s": dlog_s,
        "s": ds, "e": de, "z": dz, "logits": dlogits, "W": dW,
    }  # fmt: skip


def loss_and_gradient(W: Array, idx: Ids, targets: Ids) -> tuple[float, Array]:
    """Mean cross-entropy in nats, and a fresh ``dW`` of W's shape and dtype."""
    values = forward(W, idx, targets)
    return float(values["loss"]), backward(W, idx, targets, values)["W"]
