# what: the corrections divide by 1 - beta, the same at every step, instead of 1 - beta ** t
# call: AdamW
# truth: wrong
# names: t never raised in the corrections
# where: from the second step on

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, (self.b1, self.b2), self.eps, self.wd = lr, betas, eps, weight_decay
        self.m, self.v = np.zeros_like(W), np.zeros_like(W)

    def step(self, W, g):
        self.m = self.b1 * self.m + (1 - self.b1) * g
        self.v = self.b2 * self.v + (1 - self.b2) * g**2
        m_hat = self.m / (1 - self.b1)
        v_hat = self.v / (1 - self.b2)
        W *= 1 - self.lr * self.wd
        W -= self.lr * m_hat / (np.sqrt(v_hat) + self.eps)
