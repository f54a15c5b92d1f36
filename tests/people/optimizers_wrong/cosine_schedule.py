# what: a cosine schedule over 200 steps is left in, for update and decay
# call: AdamW
# truth: wrong
# names: cosine learning rate schedule left in

import math
import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2, total=200):
        self.base, self.b1, self.b2, self.eps, self.wd, self.total = lr, *betas, eps, weight_decay, total
        self.m, self.v, self.t = np.zeros_like(W), np.zeros_like(W), 0

    def step(self, W, dW):
        lr = self.base * 0.5 * (1 + math.cos(math.pi * min(self.t / self.total, 1)))
        self.t += 1
        self.m = self.b1 * self.m + (1 - self.b1) * dW
        self.v = self.b2 * self.v + (1 - self.b2) * dW**2
        W *= 1 - lr * self.wd
        W -= lr * (self.m / (1 - self.b1**self.t)) / (np.sqrt(self.v / (1 - self.b2**self.t)) + self.eps)
