# what: the first moment is corrected with beta2 and the second with beta1
# call: AdamW
# truth: wrong
# names: betas swapped in the bias corrections

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, self.betas, self.eps, self.wd, self.t = lr, betas, eps, weight_decay, 0
        self.m, self.v = np.zeros_like(W), np.zeros_like(W)

    def step(self, W, dW):
        self.t += 1
        beta1, beta2 = self.betas
        self.m = beta1 * self.m + (1 - beta1) * dW
        self.v = beta2 * self.v + (1 - beta2) * dW * dW
        m_cap = self.m / (1 - beta2**self.t)
        v_cap = self.v / (1 - beta1**self.t)
        W *= 1 - self.lr * self.wd
        W -= (self.lr * m_cap) / (np.sqrt(v_cap) + self.eps)
