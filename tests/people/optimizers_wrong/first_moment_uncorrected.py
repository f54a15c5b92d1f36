# what: only the second moment is bias corrected
# call: AdamW
# truth: wrong
# names: bias correction of the first moment missing

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, (self.b1, self.b2), self.eps, self.wd = lr, betas, eps, weight_decay
        self.m = np.zeros(W.shape)
        self.v = np.zeros(W.shape)
        self.iterations = 0

    def step(self, W, dW):
        self.iterations += 1
        W *= 1.0 - self.lr * self.wd
        self.m += (1 - self.b1) * (dW - self.m)
        self.v += (1 - self.b2) * (np.square(dW) - self.v)
        v_hat = self.v / (1.0 - self.b2**self.iterations)
        W -= self.lr * self.m / (np.sqrt(v_hat) + self.eps)
