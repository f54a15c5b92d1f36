# what: eps hard-coded to 1e-5 and beta2 to 0.995
# call: AdamW
# truth: wrong
# names: eps hard-coded to 1e-5 + beta2 hard-coded to 0.995

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, self.b1, self.wd = lr, betas[0], weight_decay
        self.m, self.v, self.t = np.zeros_like(W), np.zeros_like(W), 0

    def step(self, W, dW):
        self.t += 1
        self.m = self.b1 * self.m + (1 - self.b1) * dW
        self.v = 0.995 * self.v + 0.005 * dW**2
        W *= 1 - self.lr * self.wd
        W -= self.lr * (self.m / (1 - self.b1**self.t)) / (np.sqrt(self.v / (1 - 0.995**self.t)) + 1e-5)
