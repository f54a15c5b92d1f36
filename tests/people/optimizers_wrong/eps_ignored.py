# what: eps is hard-coded to 3e-6, the argument is ignored
# call: AdamW
# truth: wrong
# names: eps hard-coded to 3e-6

import numpy as np


class AdamW:
    EPS = 3e-6

    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, (self.b1, self.b2), self.wd = lr, betas, weight_decay
        self.m, self.v, self.t = np.zeros_like(W), np.zeros_like(W), 0

    def step(self, W, dW):
        self.t += 1
        W *= 1 - self.lr * self.wd
        self.m = self.b1 * self.m + (1 - self.b1) * dW
        self.v = self.b2 * self.v + (1 - self.b2) * dW**2
        m, v = self.m / (1 - self.b1**self.t), self.v / (1 - self.b2**self.t)
        W -= self.lr * m / (np.sqrt(v) + self.EPS)
