# what: the table is kept and changed in place; step takes the gradient alone
# call: AdamW
# truth: right
# kind: optimizer ; interface: class(W, lr, beta1, beta2, eps, weight_decay); step(dW) changes that W in place
# needs: none

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
        self.W = W
        self.hp = lr, beta1, beta2, eps, weight_decay
        self.m = np.zeros_like(W)
        self.v = np.zeros_like(W)
        self.t = 0

    def step(self, dW):
        lr, b1, b2, eps, wd = self.hp
        self.t += 1
        self.m[:] = b1 * self.m + (1 - b1) * dW
        self.v[:] = b2 * self.v + (1 - b2) * dW * dW
        update = self.m / (1 - b1**self.t) / (np.sqrt(self.v / (1 - b2**self.t)) + eps)
        self.W[:] = self.W - lr * (update + wd * self.W)
