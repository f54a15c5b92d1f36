# what: the paper's short form: lr * sqrt(1 - b2**t) / (1 - b1**t) * m / (sqrt(v) + eps), eps is not corrected
# call: AdamW
# truth: wrong
# names: eps added before the bias correction

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, (self.b1, self.b2), self.eps, self.wd = lr, betas, eps, weight_decay
        self.m, self.v, self.iter = np.zeros_like(W), np.zeros_like(W), 0

    def step(self, W, dW):
        self.iter += 1
        W *= 1 - self.lr * self.wd
        lr_t = self.lr * np.sqrt(1.0 - self.b2**self.iter) / (1.0 - self.b1**self.iter)
        self.m += (1 - self.b1) * (dW - self.m)
        self.v += (1 - self.b2) * (dW**2 - self.v)
        W -= lr_t * self.m / (np.sqrt(self.v) + self.eps)
