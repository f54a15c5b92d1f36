"""The same gradient with the algebra done first: softmax minus one-hot, then a
scatter-add.

Walk back through ``stepwise.py`` on paper and nearly everything cancels. With p =
softmax(logits) and one target y for each token,

    dlogits[k, j] = (p[k, j] - (1 if j == y[k] else 0)) / N

Where did the softmax Jacobian go? It is p_i (delta_ij - p_j), and the derivative of
-log p_y has a 1 / p_y to meet it: the product is p_j - delta_jy, with no quotient left
that could overflow.

Still one row of work for each token, as a framework does it: ``pair_counts.py`` needs
one for each character. Beside it: ``impl_torch/model.py``, where autograd finds the
same.
"""

import numpy as np

from common.arrays import Array, Ids
from common.pairs import check_pairs


def cross_entropy(logits: Array, targets: Ids) -> tuple[np.floating, Array]:
    """``loss, p``: the mean of -log p[target] over N tokens, in nats, and
    softmax(logits), (N, V).

    ``logits`` (N, V); ``targets`` (N,).
    """
    # exp(z) <= 1: no overflow, the same softmax
    z = logits - logits.max(axis=1, keepdims=True)
    e = np.exp(z)
    s = e.sum(axis=1, keepdims=True)
    # log p = z - log s; taking log(p) instead would meet log(0) where a probability
    # underflows.
    picked = z[np.arange(len(targets)), targets] - np.log(s[:, 0])
    return -picked.mean(), e / s


def cross_entropy_backward(p: Array, targets: Ids) -> Array:
    """dlogits (N, V), from the ``p`` that ``cross_entropy`` returned."""
    dlogits = p.copy()
    dlogits[np.arange(len(targets)), targets] -= 1
    dlogits /= len(targets)  # the loss is a mean: every token has an N-th part in it
    return dlogits


def embedding_backward(dlogits: Array, idx: Ids, vocab_size: int) -> Array:
    """dW (V, V): the gradients of all tokens, added up in the rows that they looked
    up."""
    dW = np.zeros((vocab_size, dlogits.shape[1]), dtype=dlogits.dtype)
    np.add.at(dW, idx, dlogits)  # not `dW[idx] += dlogits`, which loses repeated ids
    return dW


def loss_and_gradient(W: Array, idx: Ids, targets: Ids) -> tuple[float, Array]:
    """Mean cross-entropy in nats, and a fresh ``dW`` of W's shape and dtype.

    ``W``: (V, V), float32 or float64. ``idx``, ``targets``: of one shape, at least one
    token, ids in [0, V), else ``UserError``.
    """
    check_pairs(idx, targets, len(W))
    idx, targets = idx.ravel(), targets.ravel()
    loss, p = cross_entropy(W[idx], targets)
    return float(loss), embedding_backward(
        cross_entropy_backward(p, targets), idx, len(W)
    )
