# what: AdaMax: the infinity norm max(b2 * u, |g|) in place of the second moment
# call: AdamW
# truth: wrong
# names: AdaMax (maximum norm) instead of the second moment

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, self.b1, self.b2, self.eps, self.wd = lr, *betas, eps, weight_decay
        self.m, self.u, self.t = np.zeros_like(W), np.zeros_like(W), 0

    def step(self, W, dW):
        self.t += 1
        self.m = self.b1 * self.m + (1 - self.b1) * dW
        self.u = np.maximum(self.b2 * self.u, np.abs(dW))
        W *= 1 - self.lr * self.wd
        W -= self.lr / (1 - self.b1**self.t) * self.m / (self.u + self.eps)
