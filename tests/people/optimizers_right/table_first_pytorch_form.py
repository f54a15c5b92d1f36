# what: the table goes to the constructor; torch's own order of operations
# call: AdamW
# truth: right
# kind: optimizer ; interface: class(W, lr, betas, eps, weight_decay); step(W, dW) in place
# needs: none

import math

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, (self.beta1, self.beta2) = lr, betas
        self.eps, self.weight_decay = eps, weight_decay
        self.exp_avg, self.exp_avg_sq, self.steps = np.zeros_like(W), np.zeros_like(W), 0

    def step(self, W, dW):
        self.steps += 1
        np.multiply(W, 1 - self.lr * self.weight_decay, out=W)
        self.exp_avg += (1 - self.beta1) * (dW - self.exp_avg)
        self.exp_avg_sq *= self.beta2
        self.exp_avg_sq += (1 - self.beta2) * dW * dW
        step_size = self.lr / (1 - self.beta1**self.steps)
        denom = np.sqrt(self.exp_avg_sq) / math.sqrt(1 - self.beta2**self.steps) + self.eps
        W -= step_size * self.exp_avg / denom
