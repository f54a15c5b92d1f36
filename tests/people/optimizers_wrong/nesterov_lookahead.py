# what: the Nesterov form: (b1 * mhat + (1 - b1) * g / (1 - b1**t)) takes the place of mhat
# call: AdamW
# truth: wrong
# names: Nesterov momentum (Nadam)

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, self.b1, self.b2, self.eps, self.wd = lr, *betas, eps, weight_decay
        self.m, self.v, self.t = np.zeros_like(W), np.zeros_like(W), 0

    def step(self, W, dW):
        self.t += 1
        self.m = self.b1 * self.m + (1 - self.b1) * dW
        self.v = self.b2 * self.v + (1 - self.b2) * dW**2
        c = 1 - self.b1**self.t
        ahead = self.b1 * self.m / c + (1 - self.b1) * dW / c
        W *= 1 - self.lr * self.wd
        W -= self.lr * ahead / (np.sqrt(self.v / (1 - self.b2**self.t)) + self.eps)
