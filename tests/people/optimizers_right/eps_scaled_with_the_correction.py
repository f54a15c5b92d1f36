# what: the corrections are folded into the step size and eps is scaled with the same root: the same number as AdamW
# call: AdamW
# truth: right
# kind: optimizer
# needs: none

import math

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, (self.b1, self.b2), self.eps, self.wd = lr, betas, eps, weight_decay
        self.m, self.v, self.t = np.zeros_like(W), np.zeros_like(W), 0

    def step(self, W, dW):
        self.t += 1
        self.m = self.b1 * self.m + (1 - self.b1) * dW
        self.v = self.b2 * self.v + (1 - self.b2) * dW * dW
        root = math.sqrt(1 - self.b2**self.t)
        alpha = self.lr * root / (1 - self.b1**self.t)
        W *= 1 - self.lr * self.wd
        W -= alpha * self.m / (np.sqrt(self.v) + self.eps * root)
