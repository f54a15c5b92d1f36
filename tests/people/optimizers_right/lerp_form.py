# what: the moments move towards the gradient, m += (1 - beta) * (g - m), in place
# call: AdamW
# truth: right
# kind: optimizer
# needs: none

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, (self.b1, self.b2), self.eps, self.wd = lr, betas, eps, weight_decay
        self.m, self.v, self.t = np.zeros_like(W), np.zeros_like(W), 0

    def step(self, W, dW):
        self.t += 1
        self.m += (1 - self.b1) * (dW - self.m)
        self.v += (1 - self.b2) * (dW * dW - self.v)
        W -= self.lr * self.wd * W
        denom = np.sqrt(self.v) / np.sqrt(1 - self.b2**self.t) + self.eps
        W -= self.lr / (1 - self.b1**self.t) * self.m / denom
