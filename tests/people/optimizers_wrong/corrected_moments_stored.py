# what: the corrected moments are stored back as the moments, so the next step corrects them again
# call: AdamW
# truth: wrong
# names: the corrected moments are stored back as the moments
# where: from the second step on

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, (self.b1, self.b2), self.eps, self.wd = lr, betas, eps, weight_decay
        self.m, self.v, self.t = np.zeros_like(W), np.zeros_like(W), 0

    def step(self, W, g):
        self.t += 1
        self.m = self.b1 * self.m + (1 - self.b1) * g
        self.v = self.b2 * self.v + (1 - self.b2) * g * g
        self.m = self.m / (1 - self.b1**self.t)
        self.v = self.v / (1 - self.b2**self.t)
        W *= 1 - self.lr * self.wd
        W -= self.lr * self.m / (np.sqrt(self.v) + self.eps)
