# what: t is the batch number within an epoch of 8: it restarts while the moments stay
# call: AdamW
# truth: wrong
# names: step counter restarts every 8 steps

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, self.b1, self.b2, self.eps, self.wd = lr, *betas, eps, weight_decay
        self.m, self.v, self.batch = np.zeros_like(W), np.zeros_like(W), 0

    def step(self, W, dW):
        t = self.batch % 8 + 1
        self.batch += 1
        self.m = self.b1 * self.m + (1 - self.b1) * dW
        self.v = self.b2 * self.v + (1 - self.b2) * dW**2
        W *= 1 - self.lr * self.wd
        W -= self.lr * (self.m / (1 - self.b1**t)) / (np.sqrt(self.v / (1 - self.b2**t)) + self.eps)
