# what: an optax-like chain of pure transformations: scale_by_adam, add_decayed_weights, scale(-lr)
# call: AdamW
# truth: right
# kind: optimizer
# needs: none

import numpy as np


def scale_by_adam(b1, b2, eps):
    def init(params):
        return {"count": 0, "mu": np.zeros_like(params), "nu": np.zeros_like(params)}

    def update(g, state, params):
        count = state["count"] + 1
        mu = b1 * state["mu"] + (1 - b1) * g
        nu = b2 * state["nu"] + (1 - b2) * g**2
        out = (mu / (1 - b1**count)) / (np.sqrt(nu / (1 - b2**count)) + eps)
        return out, {"count": count, "mu": mu, "nu": nu}

    return init, update


def add_decayed_weights(wd):
    return (lambda params: None), (lambda u, state, params: (u + wd * params, state))


def scale(factor):
    return (lambda params: None), (lambda u, state, params: (factor * u, state))


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.chain = [scale_by_adam(*betas, eps), add_decayed_weights(weight_decay), scale(-lr)]
        self.states = [init(W) for init, _ in self.chain]

    def step(self, W, dW):
        updates = dW
        for k, (_, update) in enumerate(self.chain):
            updates, self.states[k] = update(updates, self.states[k], W)
        W += updates
