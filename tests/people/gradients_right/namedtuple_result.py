# what: a NamedTuple with the predicted probabilities too
# call: run
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> NamedTuple with loss, grad and probs
# needs: none

from typing import NamedTuple

import numpy as np


class Result(NamedTuple):
    loss: float
    grad: np.ndarray
    probs: np.ndarray


def run(W, idx, targets):
    rows = W[idx]
    e = np.exp(rows - rows.max(-1, keepdims=True))
    probs = e / e.sum(-1, keepdims=True)
    n = idx.size
    centred = rows - rows.max(-1, keepdims=True)
    b, t = np.indices(idx.shape)
    loss = (np.log(e.sum(-1)) - centred[b, t, targets]).sum() / n
    delta = probs.copy()
    delta[b, t, targets] -= 1
    grad = np.zeros_like(W)
    np.add.at(grad, idx, delta / n)
    return Result(loss, grad, probs)
