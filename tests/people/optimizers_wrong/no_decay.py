# what: weight_decay is accepted and never used
# call: AdamW
# truth: wrong
# names: weight decay missing

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, self.b1, self.b2, self.eps, self.wd = lr, *betas, eps, weight_decay
        self.m, self.v, self.t = np.zeros_like(W), np.zeros_like(W), 0

    def step(self, W, dW):
        self.t += 1
        for i in range(W.shape[0]):
            for j in range(W.shape[1]):
                g = dW[i, j]
                self.m[i, j] = self.b1 * self.m[i, j] + (1 - self.b1) * g
                self.v[i, j] = self.b2 * self.v[i, j] + (1 - self.b2) * g * g
                mh = self.m[i, j] / (1 - self.b1**self.t)
                vh = self.v[i, j] / (1 - self.b2**self.t)
                W[i, j] -= self.lr * mh / (vh**0.5 + self.eps)
