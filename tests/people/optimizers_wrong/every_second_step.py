# what: gradients are accumulated over two calls and W moves on every second one only
# call: AdamW
# truth: wrong
# names: updates only every second step

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2, accumulate=2):
        self.lr, self.b1, self.b2, self.eps, self.wd, self.n = lr, *betas, eps, weight_decay, accumulate
        self.m, self.v, self.acc = np.zeros_like(W), np.zeros_like(W), np.zeros_like(W)
        self.t = self.calls = 0

    def step(self, W, dW):
        self.calls += 1
        self.acc += dW / self.n
        if self.calls % self.n:
            return
        self.t += 1
        g, self.acc = self.acc, np.zeros_like(W)
        self.m = self.b1 * self.m + (1 - self.b1) * g
        self.v = self.b2 * self.v + (1 - self.b2) * g**2
        W *= 1 - self.lr * self.wd
        W -= self.lr * (self.m / (1 - self.b1**self.t)) / (np.sqrt(self.v / (1 - self.b2**self.t)) + self.eps)
