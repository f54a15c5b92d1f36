# what: no bias correction, and the decay lacks the learning rate
# call: AdamW
# truth: wrong
# names: bias corrections missing + decay not multiplied by lr

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, self.b1, self.b2, self.eps, self.wd = lr, *betas, eps, weight_decay
        self.m, self.v = np.zeros_like(W), np.zeros_like(W)

    def step(self, W, dW):
        self.m = self.b1 * self.m + (1 - self.b1) * dW
        self.v = self.b2 * self.v + (1 - self.b2) * dW**2
        W -= self.wd * W
        W -= self.lr * self.m / (np.sqrt(self.v) + self.eps)
