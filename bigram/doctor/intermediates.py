"""Inside the gradient: every intermediate of ``impl_numpy/stepwise.py``, and the gradient of the
loss with respect to it, against the same operations in torch. A mistake shows in the row where it
is made.
"""

import numpy as np
from numpy.typing import DTypeLike

from bigram.bounds import unit_roundoff
from bigram.comparator import Row, compare_tensor
from common.arrays import Array, Ids
from impl_numpy import stepwise


def intermediates(W: Array, idx: Ids, targets: Ids) -> list[Row]:
    """Every value in ``impl_numpy/stepwise.py`` and its gradient, against torch's for the same
    operations: first the values as they are computed, then the gradients as they are walked back. A
    mistake shows in its own row, and in those after it."""
    values = stepwise.forward(W, idx, targets)
    gradients = stepwise.backward(W, idx, targets, values)
    ours = values | {f"d{name}": gradient for name, gradient in gradients.items()}
    theirs = torch_intermediates(W, idx, targets)
    bounds = _intermediate_bounds(theirs, W.dtype, idx.ravel(), targets.ravel())
    return [compare_tensor(name, ours[name], theirs[name], bounds[name]) for name in ours]


def torch_intermediates(W: Array, idx: Ids, targets: Ids) -> dict[str, Array]:
    """The same values and gradients by the same names, as torch and its autograd find them."""
    import torch

    weight = torch.from_numpy(W.copy()).requires_grad_()
    ids, y = (torch.from_numpy(ids.astype(np.int64)).flatten() for ids in (idx, targets))
    logits = torch.nn.functional.embedding(ids, weight)
    # its gradient too: stepwise says that it is 0
    z = logits - logits.max(dim=1, keepdim=True).values
    e = z.exp()
    s = e.sum(dim=1)
    log_s = s.log()
    logp = z - log_s[:, None]
    picked = logp[torch.arange(len(y)), y]
    loss = -picked.mean()
    tensors = {
        "logits": logits, "z": z, "e": e, "s": s, "log_s": log_s, "logp": logp, "picked": picked,
        "loss": loss
    }  # fmt: skip
    gradients = torch.autograd.grad(loss, [*tensors.values(), weight])
    tensors |= zip([f"d{name}" for name in (*tensors, "W")], gradients, strict=True)
    return {name: tensor.detach().numpy() for name, tensor in tensors.items()}


def _intermediate_bounds(
    values: dict[str, Array], dtype: DTypeLike, idx: Ids, targets: Ids
) -> dict[str, Array]:
    """How far both sides may lie apart, given torch's ``values``: the errors that reach an
    operation from those before it, and the operation's own rounding on either side.

    exp and log are within 4 u. A sum of k terms rounds each at most k - 1 times, or 32 where it
    goes by blocks, as both libraries' do. Both z are the same float, rounded once from the same
    two: no |z| enters.
    """
    u, tiny = unit_roundoff(dtype), float(np.finfo(dtype).tiny)
    t = {name: abs(value.astype(np.float64)) for name, value in values.items()}
    N, V = t["z"].shape
    # relative: s has the errors of its terms, and the sum's own
    e, s = (8 * u, (8 + 2 * min(V - 1, 32)) * u)
    ds = s + 4 * u  # dlog_s / s: both, and the quotient
    dp = ds + e + 4 * u  # de * e is p / N: both, and the product
    b = {
        "logits": np.zeros(()), "z": np.zeros(()),  # the same floats, and one subtraction of them
        "e": e * t["e"] + 4 * tiny,  # below tiny, the smallest normal number, in absolute steps
        "s": s * t["s"],
        "log_s": s + 8 * u * t["log_s"],  # relative in s is absolute in its logarithm
    }  # fmt: skip
    b["logp"] = b["log_s"][:, None] + 2 * u * t["logp"]
    b["picked"] = b["logp"][np.arange(N), targets]
    b["loss"] = b["picked"].mean() + 2 * u * (min(N - 1, 32) + 1) * t["picked"].mean()
    # -1 / N, carried back through operations that only place it or add zeros to it.
    b |= {name: 2 * u * t[name] for name in ("dloss", "dpicked", "dlogp", "dlog_s")}
    b |= {"ds": ds * t["ds"], "de": ds * t["de"]}
    # p / N less 1 / N at the target: as in bounds.py, the scale is that of the terms before the
    # difference.
    b["dz"] = dp * t["de"] * t["e"] + 4 * u * t["dlogp"] + 4 * tiny
    # torch walks the path through the maximum: what the roundings of a row leave of its sum, which
    # is 0.
    left = b["dz"].sum(axis=1, keepdims=True) + u * min(V - 1, 32) * t["dz"].sum(
        axis=1, keepdims=True
    )
    b["dlogits"] = b["dz"] + (t["z"] == 0) * left + u * t["dlogits"]
    # n tokens with one id: each addition rounds the sum so far.
    b["dW"] = np.zeros((V, V))
    n = np.bincount(idx, minlength=V)[idx, None]
    np.add.at(b["dW"], idx, b["dlogits"] + 2 * u * n * t["dlogits"])
    return b
