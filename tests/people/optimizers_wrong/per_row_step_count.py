# what: sparse rows: each row has its step counter and only rows with a gradient are touched at all
# call: AdamW
# truth: wrong
# names: rows without a gradient skipped (lazy) + step counter per row

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, self.b1, self.b2, self.eps, self.wd = lr, *betas, eps, weight_decay
        self.m, self.v = np.zeros_like(W), np.zeros_like(W)
        self.t = np.zeros((len(W), 1))

    def step(self, W, dW):
        r = np.flatnonzero(dW.any(axis=1))
        self.t[r] += 1
        self.m[r] = self.b1 * self.m[r] + (1 - self.b1) * dW[r]
        self.v[r] = self.b2 * self.v[r] + (1 - self.b2) * dW[r] ** 2
        m, v = self.m[r] / (1 - self.b1 ** self.t[r]), self.v[r] / (1 - self.b2 ** self.t[r])
        W[r] *= 1 - self.lr * self.wd
        W[r] -= self.lr * m / (np.sqrt(v) + self.eps)
