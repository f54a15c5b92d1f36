# what: functools.partial of an Adam with more to choose
# call: AdamW
# truth: right
# kind: optimizer ; interface: functools.partial of class(lr, betas, eps, weight_decay); step(W, dW) in place
# needs: none

import functools

import numpy as np


class Adam:
    def __init__(self, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, decoupled=False, amsgrad=False):
        self.lr, self.betas, self.eps, self.weight_decay = lr, betas, eps, weight_decay
        self.decoupled, self.amsgrad, self.t = decoupled, amsgrad, 0

    def step(self, W, dW):
        if self.t == 0:
            self.m, self.v, self.vmax = (np.zeros_like(W) for _ in range(3))
        self.t += 1
        if self.decoupled:
            W *= 1 - self.lr * self.weight_decay
        else:
            dW = dW + self.weight_decay * W
        b1, b2 = self.betas
        self.m = b1 * self.m + (1 - b1) * dW
        self.v = b2 * self.v + (1 - b2) * dW * dW
        self.vmax = np.maximum(self.vmax, self.v)
        v = self.vmax if self.amsgrad else self.v
        W -= self.lr * (self.m / (1 - b1**self.t)) / (np.sqrt(v / (1 - b2**self.t)) + self.eps)


AdamW = functools.partial(Adam, decoupled=True, weight_decay=1e-2)
