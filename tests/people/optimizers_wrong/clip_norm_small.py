# what: the gradient is clipped to norm 0.35 before the moments
# call: AdamW
# truth: wrong
# names: gradient clipped to norm 0.35

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2, max_grad_norm=0.35):
        self.lr, self.b1, self.b2, self.eps, self.wd, self.max = lr, *betas, eps, weight_decay, max_grad_norm
        self.m, self.v, self.t = np.zeros_like(W), np.zeros_like(W), 0

    def step(self, W, dW):
        self.t += 1
        norm = np.sqrt((dW**2).sum())
        g = dW * min(1.0, self.max / (norm + 1e-6))
        self.m = self.b1 * self.m + (1 - self.b1) * g
        self.v = self.b2 * self.v + (1 - self.b2) * g**2
        W *= 1 - self.lr * self.wd
        W -= self.lr * (self.m / (1 - self.b1**self.t)) / (np.sqrt(self.v / (1 - self.b2**self.t)) + self.eps)
