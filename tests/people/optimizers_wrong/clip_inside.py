# what: the gradient is scaled down to norm 1 before the moments, clipping is part of the step
# call: AdamW
# truth: wrong
# names: the gradient is scaled down to norm 1 before the moments
# where: only where a gradient's norm is above 1

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2, max_norm=1.0):
        self.lr, (self.b1, self.b2), self.eps, self.wd, self.max_norm = lr, betas, eps, weight_decay, max_norm
        self.m, self.v, self.t = np.zeros_like(W), np.zeros_like(W), 0

    def step(self, W, dW):
        g = dW * min(1.0, self.max_norm / (np.linalg.norm(dW) + 1e-6))
        self.t += 1
        self.m = self.b1 * self.m + (1 - self.b1) * g
        self.v = self.b2 * self.v + (1 - self.b2) * g * g
        W *= 1 - self.lr * self.wd
        W -= self.lr * (self.m / (1 - self.b1**self.t)) / (np.sqrt(self.v / (1 - self.b2**self.t)) + self.eps)
