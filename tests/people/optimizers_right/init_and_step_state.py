# what: init(W) makes a state, step(state, dW) a new one that holds the table
# call: AdamW
# truth: right
# kind: optimizer ; interface: class(lr, b1, b2, eps, weight_decay); init(W) -> state, step(state, dW) -> state with .W
# needs: none

from typing import Any, NamedTuple

import numpy as np


class State(NamedTuple):
    W: Any
    m: Any
    v: Any
    t: int


class AdamW:
    def __init__(self, lr=1e-3, b1=0.9, b2=0.999, eps=1e-8, weight_decay=1e-2):
        self.lr, self.b1, self.b2, self.eps, self.weight_decay = lr, b1, b2, eps, weight_decay

    def init(self, W):
        return State(W, np.zeros_like(W), np.zeros_like(W), 0)

    def step(self, state, dW):
        t = state.t + 1
        m = self.b1 * state.m + (1 - self.b1) * dW
        v = self.b2 * state.v + (1 - self.b2) * dW**2
        direction = (m / (1 - self.b1**t)) / (np.sqrt(v / (1 - self.b2**t)) + self.eps)
        return State(state.W - self.lr * (direction + self.weight_decay * state.W), m, v, t)
