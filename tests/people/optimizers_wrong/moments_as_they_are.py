# what: the moments are used as they are, without bias correction
# call: AdamW
# truth: wrong
# names: the moments are used as they are

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, self.betas, self.eps, self.weight_decay = lr, betas, eps, weight_decay
        self.exp_avg, self.exp_avg_sq = np.zeros_like(W), np.zeros_like(W)

    def step(self, W, dW):
        beta1, beta2 = self.betas
        self.exp_avg = beta1 * self.exp_avg + (1 - beta1) * dW
        self.exp_avg_sq = beta2 * self.exp_avg_sq + (1 - beta2) * dW * dW
        W -= self.lr * self.weight_decay * W
        W -= self.lr * self.exp_avg / (np.sqrt(self.exp_avg_sq) + self.eps)
