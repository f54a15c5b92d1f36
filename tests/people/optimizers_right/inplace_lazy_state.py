# what: moments made at the first step
# call: AdamW
# truth: right
# kind: optimizer ; interface: class(lr, betas, eps, weight_decay); step(W, dW) in place
# needs: none

import numpy as np


class AdamW:
    def __init__(self, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, self.betas, self.eps, self.weight_decay = lr, betas, eps, weight_decay
        self.m = self.v = None
        self.t = 0

    def step(self, W, dW):
        if self.m is None:
            self.m, self.v = np.zeros_like(W), np.zeros_like(W)
        self.t += 1
        b1, b2 = self.betas
        self.m = b1 * self.m + (1 - b1) * dW
        self.v = b2 * self.v + (1 - b2) * dW**2
        m_hat = self.m / (1 - b1**self.t)
        v_hat = self.v / (1 - b2**self.t)
        W *= 1 - self.lr * self.weight_decay
        W -= self.lr * m_hat / (np.sqrt(v_hat) + self.eps)
