# what: weight_decay is multiplied by lr at construction and once more in the step: W shrinks by lr * lr * weight_decay
# call: AdamW
# truth: wrong
# names: weight_decay is multiplied by lr at construction and once more in the step

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, (self.b1, self.b2), self.eps = lr, betas, eps
        self.decay = lr * weight_decay
        self.m, self.v, self.t = np.zeros_like(W), np.zeros_like(W), 0

    def step(self, W, g):
        self.t += 1
        self.m = self.b1 * self.m + (1 - self.b1) * g
        self.v = self.b2 * self.v + (1 - self.b2) * g * g
        m_hat, v_hat = self.m / (1 - self.b1**self.t), self.v / (1 - self.b2**self.t)
        update = m_hat / (np.sqrt(v_hat) + self.eps) + self.decay * W
        W -= self.lr * update
