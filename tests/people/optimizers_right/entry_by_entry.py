# what: two loops over the table in plain Python, one entry at a time
# call: AdamW
# truth: right
# kind: optimizer
# needs: none

import math

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, (self.b1, self.b2), self.eps, self.wd = lr, betas, eps, weight_decay
        self.m, self.v, self.t = np.zeros_like(W), np.zeros_like(W), 0

    def step(self, W, dW):
        self.t += 1
        for i in range(W.shape[0]):
            for j in range(W.shape[1]):
                g = dW[i, j]
                self.m[i, j] = self.b1 * self.m[i, j] + (1 - self.b1) * g
                self.v[i, j] = self.b2 * self.v[i, j] + (1 - self.b2) * g * g
                m_hat = self.m[i, j] / (1 - self.b1**self.t)
                v_hat = self.v[i, j] / (1 - self.b2**self.t)
                W[i, j] -= self.lr * self.wd * W[i, j]
                W[i, j] -= self.lr * m_hat / (math.sqrt(v_hat) + self.eps)
