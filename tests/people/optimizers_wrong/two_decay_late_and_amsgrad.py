# what: the decay comes after the update, and the second moment never falls (AMSGrad on vhat)
# call: AdamW
# truth: wrong
# names: AMSGrad + decay applied after the update

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, self.b1, self.b2, self.eps, self.wd = lr, *betas, eps, weight_decay
        self.m, self.v, self.t = np.zeros_like(W), np.zeros_like(W), 0
        self.top = np.zeros_like(W)

    def step(self, W, dW):
        self.t += 1
        self.m = self.b1 * self.m + (1 - self.b1) * dW
        self.v = self.b2 * self.v + (1 - self.b2) * dW**2
        self.top = np.maximum(self.top, self.v / (1 - self.b2**self.t))
        W -= self.lr * (self.m / (1 - self.b1**self.t)) / (np.sqrt(self.top) + self.eps)
        W *= 1 - self.lr * self.wd
