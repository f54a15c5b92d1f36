# what: no bias correction at all
# call: AdamW
# truth: wrong
# names: bias corrections missing

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr = lr
        self.beta1, self.beta2 = betas
        self.eps = eps
        self.weight_decay = weight_decay
        self.m = self.v = None

    def step(self, W, dW):
        if self.m is None:
            self.m, self.v = np.zeros_like(W), np.zeros_like(W)
        self.m = self.beta1 * self.m + (1 - self.beta1) * dW
        self.v = self.beta2 * self.v + (1 - self.beta2) * dW * dW
        W -= self.lr * self.weight_decay * W
        W -= self.lr * self.m / (np.sqrt(self.v) + self.eps)
