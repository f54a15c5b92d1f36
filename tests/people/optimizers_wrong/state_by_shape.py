# what: the moments live in a module-level dict keyed by shape, so a second optimizer of that shape continues the first
# call: AdamW
# truth: wrong
# names: state shared between optimizers of the same shape

import numpy as np

STATE = {}


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, self.b1, self.b2, self.eps, self.wd = lr, *betas, eps, weight_decay

    def step(self, W, dW):
        s = STATE.setdefault(W.shape, {"t": 0, "m": np.zeros_like(W), "v": np.zeros_like(W)})
        s["t"] += 1
        s["m"] = self.b1 * s["m"] + (1 - self.b1) * dW
        s["v"] = self.b2 * s["v"] + (1 - self.b2) * dW**2
        W *= 1 - self.lr * self.wd
        W -= self.lr * (s["m"] / (1 - self.b1 ** s["t"])) / (np.sqrt(s["v"] / (1 - self.b2 ** s["t"])) + self.eps)
