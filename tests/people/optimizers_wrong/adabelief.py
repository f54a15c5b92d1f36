# what: the second moment is of the surprise (g - m)**2, as in AdaBelief
# call: AdamW
# truth: wrong
# names: second moment of (g - m) instead of g (AdaBelief)

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, self.b1, self.b2, self.eps, self.wd = lr, *betas, eps, weight_decay
        self.m, self.s, self.t = np.zeros_like(W), np.zeros_like(W), 0

    def step(self, W, dW):
        self.t += 1
        W *= 1 - self.lr * self.wd
        self.m = self.b1 * self.m + (1 - self.b1) * dW
        self.s = self.b2 * self.s + (1 - self.b2) * (dW - self.m) ** 2
        W -= self.lr * (self.m / (1 - self.b1**self.t)) / (np.sqrt(self.s / (1 - self.b2**self.t)) + self.eps)
