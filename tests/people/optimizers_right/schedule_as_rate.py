# what: the rate may be a number or a function of the step
# call: AdamW
# truth: right
# kind: optimizer ; interface: class(learning_rate number or callable, betas, eps, weight_decay); step(W, dW) -> the same W, changed in place
# needs: none

import numpy as np


class AdamW:
    def __init__(self, learning_rate=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.schedule = learning_rate if callable(learning_rate) else lambda t: learning_rate
        self.betas, self.eps, self.weight_decay = betas, eps, weight_decay
        self.t = 0

    def step(self, W, dW):
        if self.t == 0:
            self.m, self.v = np.zeros_like(W), np.zeros_like(W)
        self.t += 1
        lr = self.schedule(self.t)
        for store, beta, value in zip((self.m, self.v), self.betas, (dW, dW * dW)):
            store *= beta
            store += (1 - beta) * value
        c1, c2 = (1 - beta**self.t for beta in self.betas)
        W *= 1 - lr * self.weight_decay
        W -= lr * (self.m / c1) / (np.sqrt(self.v / c2) + self.eps)
        return W
