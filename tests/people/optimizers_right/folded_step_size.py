# what: the bias corrections folded into step size and eps, which is the same thing
# call: AdamW
# truth: right
# kind: optimizer ; interface: class(lr, betas, eps, weight_decay); step(W, dW) in place
# needs: none

from math import sqrt

import numpy as np


class AdamW:
    def __init__(self, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, self.betas, self.eps, self.wd = lr, betas, eps, weight_decay
        self.slots = {}

    def step(self, W, dW):
        m, v, t = self.slots.get("W", (np.zeros_like(W), np.zeros_like(W), 0))
        (b1, b2), t = self.betas, t + 1
        m = b1 * m + (1 - b1) * dW
        v = b2 * v + (1 - b2) * dW * dW
        self.slots["W"] = m, v, t
        root = sqrt(1 - b2**t)
        lr_t = self.lr * root / (1 - b1**t)
        W -= self.lr * self.wd * W + lr_t * m / (np.sqrt(v) + self.eps * root)
