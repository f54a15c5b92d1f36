# what: the step counter starts at 1 and is raised before use, so the first correction is that of step 2
# call: AdamW
# truth: wrong
# names: the step counter starts at 1 and is raised before use

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, (self.b1, self.b2), self.eps, self.wd = lr, betas, eps, weight_decay
        self.m, self.v = np.zeros_like(W), np.zeros_like(W)
        self.t = 1  # avoids division by zero

    def step(self, W, g):
        self.t += 1
        self.m = self.b1 * self.m + (1 - self.b1) * g
        self.v = self.b2 * self.v + (1 - self.b2) * g**2
        m_hat, v_hat = self.m / (1 - self.b1**self.t), self.v / (1 - self.b2**self.t)
        W *= 1 - self.lr * self.wd
        W -= self.lr * m_hat / (np.sqrt(v_hat) + self.eps)
