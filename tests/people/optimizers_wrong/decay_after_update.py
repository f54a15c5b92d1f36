# what: W is decayed after the Adam update and not before
# call: AdamW
# truth: wrong
# names: decay applied after the update

import numpy as np


class Adam:
    def __init__(self, W, lr, betas, eps):
        self.lr, (self.b1, self.b2), self.eps = lr, betas, eps
        self.m, self.v, self.t = np.zeros_like(W), np.zeros_like(W), 0

    def step(self, W, dW):
        self.t += 1
        self.m = self.b1 * self.m + (1 - self.b1) * dW
        self.v = self.b2 * self.v + (1 - self.b2) * dW**2
        W -= self.lr * self.m / (1 - self.b1**self.t) / (np.sqrt(self.v / (1 - self.b2**self.t)) + self.eps)


class AdamW(Adam):
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        super().__init__(W, lr, betas, eps)
        self.shrink = 1 - lr * weight_decay

    def step(self, W, dW):
        super().step(W, dW)
        W *= self.shrink
