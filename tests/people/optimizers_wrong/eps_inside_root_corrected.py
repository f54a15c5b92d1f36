# what: sqrt(v_hat + eps) instead of sqrt(v_hat) + eps
# call: AdamW
# truth: wrong
# names: sqrt(v_hat + eps) instead of sqrt(v_hat) + eps
# where: largest for gradients below 1e-4; for gradients near 1 the relative difference is about eps / 2

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, (self.b1, self.b2), self.eps, self.wd = lr, betas, eps, weight_decay
        self.m, self.v, self.t = np.zeros_like(W), np.zeros_like(W), 0

    def step(self, W, dW):
        self.t += 1
        self.m = self.b1 * self.m + (1 - self.b1) * dW
        self.v = self.b2 * self.v + (1 - self.b2) * np.square(dW)
        m_hat = self.m / (1 - self.b1**self.t)
        v_hat = self.v / (1 - self.b2**self.t)
        W -= self.lr * self.wd * W
        W -= self.lr * m_hat / np.sqrt(v_hat + self.eps)
