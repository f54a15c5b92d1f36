# what: the step counter is raised twice a step, once for each moment, so the corrections use t = 1, 2 then 3, 4 and so on
# call: AdamW
# truth: wrong
# names: the step counter is raised twice a step

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, self.betas, self.eps, self.wd = lr, betas, eps, weight_decay
        self.moments, self.t = [np.zeros_like(W), np.zeros_like(W)], 0

    def _average(self, k, value):
        self.t += 1
        beta = self.betas[k]
        self.moments[k] = beta * self.moments[k] + (1 - beta) * value
        return self.moments[k] / (1 - beta**self.t)

    def step(self, W, dW):
        m_hat = self._average(0, dW)
        v_hat = self._average(1, dW**2)
        W *= 1 - self.lr * self.wd
        W -= self.lr * m_hat / (np.sqrt(v_hat) + self.eps)
