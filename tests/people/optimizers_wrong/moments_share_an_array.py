# what: self.m = self.v = np.zeros_like(W): both moments are one array, changed in place by both updates
# call: AdamW
# truth: wrong
# names: one array for both moments

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, (self.b1, self.b2), self.eps, self.wd = lr, betas, eps, weight_decay
        self.m = self.v = np.zeros_like(W)
        self.t = 0

    def step(self, W, g):
        self.t += 1
        self.m *= self.b1
        self.m += (1 - self.b1) * g
        self.v *= self.b2
        self.v += (1 - self.b2) * g * g
        W *= 1 - self.lr * self.wd
        with np.errstate(invalid="ignore"):
            W -= self.lr * (self.m / (1 - self.b1**self.t)) / (np.sqrt(self.v / (1 - self.b2**self.t)) + self.eps)
