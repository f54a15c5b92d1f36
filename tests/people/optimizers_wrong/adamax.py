# what: Adamax: the second moment is the running maximum of |g|, max(beta2 * u, |g| + eps), not a mean of squares
# call: AdamW
# truth: wrong
# names: largest gradient kept
# where: from the second step on

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, (self.b1, self.b2), self.eps, self.wd = lr, betas, eps, weight_decay
        self.m, self.u, self.t = np.zeros_like(W), np.zeros_like(W), 0

    def step(self, W, g):
        self.t += 1
        self.m = self.b1 * self.m + (1 - self.b1) * g
        self.u = np.maximum(self.b2 * self.u, np.abs(g) + self.eps)
        W *= 1 - self.lr * self.wd
        W -= self.lr / (1 - self.b1**self.t) * self.m / self.u
