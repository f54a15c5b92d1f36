# what: t starts one too high, and the first moment lacks the factor 1 - b1
# call: AdamW
# truth: wrong
# names: step counter one too high + factor 1 - beta1 missing in the first moment

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, self.b1, self.b2, self.eps, self.wd = lr, *betas, eps, weight_decay
        self.m, self.v, self.t = np.zeros_like(W), np.zeros_like(W), 1

    def step(self, W, dW):
        self.t += 1
        self.m = self.b1 * self.m + dW
        self.v = self.b2 * self.v + (1 - self.b2) * dW**2
        W *= 1 - self.lr * self.wd
        W -= self.lr * (self.m / (1 - self.b1**self.t)) / (np.sqrt(self.v / (1 - self.b2**self.t)) + self.eps)
