# what: the moments start as g and g**2 at the first step instead of zero, and are corrected all the same
# call: AdamW
# truth: wrong
# names: moments initialised with the first gradient

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, self.b1, self.b2, self.eps, self.wd = lr, *betas, eps, weight_decay
        self.m = self.v = None
        self.t = 0

    def step(self, W, dW):
        self.t += 1
        self.m = dW.copy() if self.m is None else self.b1 * self.m + (1 - self.b1) * dW
        self.v = dW**2 if self.v is None else self.b2 * self.v + (1 - self.b2) * dW**2
        W *= 1 - self.lr * self.wd
        W -= self.lr * (self.m / (1 - self.b1**self.t)) / (np.sqrt(self.v / (1 - self.b2**self.t)) + self.eps)
