# what: the root is taken before the second correction, which is divided out whole: sqrt(v) / (1 - b2**t)
# call: AdamW
# truth: wrong
# names: second bias correction outside the root

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, (self.b1, self.b2), self.eps, self.wd = lr, betas, eps, weight_decay
        self.m, self.v, self.n = np.zeros_like(W), np.zeros_like(W), 0

    def step(self, W, dW):
        self.n += 1
        W *= 1 - self.lr * self.wd
        self.m = self.b1 * self.m + (1 - self.b1) * dW
        self.v = self.b2 * self.v + (1 - self.b2) * dW**2
        denom = np.sqrt(self.v) / (1 - self.b2**self.n) + self.eps
        W -= self.lr * self.m / (1 - self.b1**self.n) / denom
