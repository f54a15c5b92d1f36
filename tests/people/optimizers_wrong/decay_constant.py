# what: the decay is hard-coded to 0.023, weight_decay is ignored
# call: AdamW
# truth: wrong
# names: weight decay hard-coded to 0.023

import numpy as np

WEIGHT_DECAY = 0.023


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, self.b1, self.b2, self.eps = lr, *betas, eps
        self.m, self.v, self.t = np.zeros_like(W), np.zeros_like(W), 0

    def step(self, W, dW):
        self.t += 1
        W *= 1 - self.lr * WEIGHT_DECAY
        self.m = self.b1 * self.m + (1 - self.b1) * dW
        self.v = self.b2 * self.v + (1 - self.b2) * dW**2
        W -= self.lr * (self.m / (1 - self.b1**self.t)) / (np.sqrt(self.v / (1 - self.b2**self.t)) + self.eps)
