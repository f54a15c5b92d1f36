# what: no correction as such: the moments are weighted means, sum(beta ** k * g) / sum(beta ** k), with both sums kept
# call: AdamW
# truth: right
# kind: optimizer
# needs: none

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, (self.b1, self.b2), self.eps, self.wd = lr, betas, eps, weight_decay
        self.m_sum, self.v_sum = np.zeros_like(W), np.zeros_like(W)
        self.m_weight = self.v_weight = 0.0

    def step(self, W, g):
        self.m_sum, self.m_weight = self.b1 * self.m_sum + g, self.b1 * self.m_weight + 1
        self.v_sum, self.v_weight = self.b2 * self.v_sum + g * g, self.b2 * self.v_weight + 1
        W *= 1 - self.lr * self.wd
        W -= self.lr * (self.m_sum / self.m_weight) / (np.sqrt(self.v_sum / self.v_weight) + self.eps)
