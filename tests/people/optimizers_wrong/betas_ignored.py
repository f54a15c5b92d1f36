# what: betas is accepted and ignored: 0.9 and 0.999 are written out in the step
# call: AdamW
# truth: wrong
# names: betas not used
# where: only with other betas than (0.9, 0.999)

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, self.betas, self.eps, self.weight_decay = lr, betas, eps, weight_decay
        self.m, self.v, self.t = np.zeros_like(W), np.zeros_like(W), 0

    def step(self, W, g):
        self.t += 1
        self.m = 0.9 * self.m + 0.1 * g
        self.v = 0.999 * self.v + 0.001 * g**2
        m_hat = self.m / (1 - 0.9**self.t)
        v_hat = self.v / (1 - 0.999**self.t)
        W *= 1 - self.lr * self.weight_decay
        W -= self.lr * m_hat / (np.sqrt(v_hat) + self.eps)
