# what: step size lr * sqrt(1 - b1**t) / (1 - b2**t): the two corrections changed places
# call: AdamW
# truth: wrong
# names: bias corrections changed places in the step size

import math
import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, (self.b1, self.b2), self.eps, self.wd = lr, betas, eps, weight_decay
        self.exp_avg, self.exp_avg_sq, self.steps = np.zeros_like(W), np.zeros_like(W), 0

    def step(self, W, grad):
        self.steps += 1
        self.exp_avg = self.exp_avg * self.b1 + (1 - self.b1) * grad
        self.exp_avg_sq = self.exp_avg_sq * self.b2 + (1 - self.b2) * grad * grad
        step_size = self.lr * math.sqrt(1 - self.b1**self.steps) / (1 - self.b2**self.steps)
        W *= 1 - self.lr * self.wd
        W -= step_size * self.exp_avg / (np.sqrt(self.exp_avg_sq) + self.eps)
