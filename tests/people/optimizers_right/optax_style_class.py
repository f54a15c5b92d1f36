# what: init and update as methods; update returns new params and state
# call: AdamW
# truth: right
# kind: optimizer ; interface: class(lr, b1, b2, eps, wd); init(params) -> state, update(grads, state, params) -> (new params, state)
# needs: none

import numpy as np


class AdamW:
    def __init__(self, lr=1e-3, b1=0.9, b2=0.999, eps=1e-8, wd=1e-2):
        self.lr, self.b1, self.b2, self.eps, self.wd = lr, b1, b2, eps, wd

    def init(self, params):
        return np.zeros_like(params), np.zeros_like(params), 0

    def update(self, grads, state, params):
        m, v, t = state
        t += 1
        m = m + (1 - self.b1) * (grads - m)
        v = v + (1 - self.b2) * (grads**2 - v)
        hat = m / (1 - self.b1**t) / (np.sqrt(v / (1 - self.b2**t)) + self.eps)
        return params * (1 - self.lr * self.wd) - self.lr * hat, (m, v, t)
