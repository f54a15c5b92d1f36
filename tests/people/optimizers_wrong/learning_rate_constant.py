# what: the learning rate is hard-coded to 0.0025 in step, the argument is only used for the decay
# call: AdamW
# truth: wrong
# names: learning rate hard-coded to 0.0025

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.decay = lr * weight_decay
        self.b1, self.b2, self.eps = *betas, eps
        self.m, self.v, self.t = np.zeros_like(W), np.zeros_like(W), 0

    def step(self, W, dW, lr=0.0025):
        self.t += 1
        self.m = self.b1 * self.m + (1 - self.b1) * dW
        self.v = self.b2 * self.v + (1 - self.b2) * dW**2
        W -= self.decay * W
        W -= lr * (self.m / (1 - self.b1**self.t)) / (np.sqrt(self.v / (1 - self.b2**self.t)) + self.eps)
