# what: TensorFlow's way: beta1_power and beta2_power start at beta and are multiplied after use, so no counter is needed
# call: AdamW
# truth: right
# kind: optimizer
# needs: none

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, (self.beta1, self.beta2), self.eps, self.wd = lr, betas, eps, weight_decay
        self.beta1_power, self.beta2_power = betas
        self.m, self.v = np.zeros_like(W), np.zeros_like(W)

    def step(self, W, dW):
        self.m = self.beta1 * self.m + (1 - self.beta1) * dW
        self.v = self.beta2 * self.v + (1 - self.beta2) * np.square(dW)
        m_hat = self.m / (1 - self.beta1_power)
        v_hat = self.v / (1 - self.beta2_power)
        W *= 1 - self.lr * self.wd
        W -= self.lr * m_hat / (np.sqrt(v_hat) + self.eps)
        self.beta1_power *= self.beta1
        self.beta2_power *= self.beta2
