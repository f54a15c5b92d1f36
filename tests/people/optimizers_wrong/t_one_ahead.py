# what: the corrections use t + 1 at step t
# call: AdamW
# truth: wrong
# names: step counter one too high

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.cfg = (lr, *betas, eps, weight_decay)
        self.m, self.v, self.t = np.zeros_like(W), np.zeros_like(W), 1

    def step(self, W, dW):
        lr, b1, b2, eps, wd = self.cfg
        self.t += 1
        W *= 1 - lr * wd
        self.m = b1 * self.m + (1 - b1) * dW
        self.v = b2 * self.v + (1 - b2) * dW**2
        W -= lr * (self.m / (1 - b1**self.t)) / (np.sqrt(self.v / (1 - b2**self.t)) + eps)
