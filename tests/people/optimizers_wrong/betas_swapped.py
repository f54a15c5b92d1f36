# what: the betas are unpacked in the wrong order, beta2, beta1 = betas
# call: AdamW
# truth: wrong
# names: the betas are unpacked in the wrong order

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, self.eps, self.wd = lr, eps, weight_decay
        self.beta2, self.beta1 = betas
        self.m, self.v, self.t = np.zeros_like(W), np.zeros_like(W), 0

    def step(self, W, g):
        self.t += 1
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g * g
        m_hat, v_hat = self.m / (1 - self.beta1**self.t), self.v / (1 - self.beta2**self.t)
        W *= 1 - self.lr * self.wd
        W -= self.lr * m_hat / (np.sqrt(v_hat) + self.eps)
