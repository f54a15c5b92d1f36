# what: a gradient transformation by hand: init and update, the updates are to be added
# call: adamw
# truth: right
# kind: optimizer ; interface: adamw(learning_rate, b1, b2, eps, weight_decay) -> (init(params), update(grads, state, params) -> (updates, state))
# needs: none

from typing import Any, Callable, NamedTuple

import numpy as np


class GradientTransformation(NamedTuple):
    init: Callable[..., Any]
    update: Callable[..., Any]


def adamw(learning_rate=1e-3, b1=0.9, b2=0.999, eps=1e-8, weight_decay=1e-2):
    def init(params):
        return {"count": 0, "mu": np.zeros_like(params), "nu": np.zeros_like(params)}

    def update(grads, state, params):
        count = state["count"] + 1
        mu = b1 * state["mu"] + (1 - b1) * grads
        nu = b2 * state["nu"] + (1 - b2) * grads * grads
        updates = (mu / (1 - b1**count)) / (np.sqrt(nu / (1 - b2**count)) + eps)
        updates = -learning_rate * (updates + weight_decay * params)
        return updates, {"count": count, "mu": mu, "nu": nu}

    return GradientTransformation(init, update)
