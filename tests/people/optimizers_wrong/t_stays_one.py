# what: t is never advanced: the corrections of step 1 are used for ever
# call: AdamW
# truth: wrong
# names: step counter never advances

import numpy as np


class AdamW:
    t = 1

    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.__dict__.update(lr=lr, b1=betas[0], b2=betas[1], eps=eps, wd=weight_decay)
        self.m, self.v = np.zeros_like(W), np.zeros_like(W)

    def step(self, W, dW):
        t = self.t
        self.m = self.b1 * self.m + (1 - self.b1) * dW
        self.v = self.b2 * self.v + (1 - self.b2) * dW**2
        mc = self.m / (1 - self.b1**t)
        vc = self.v / (1 - self.b2**t)
        t += 1
        W[:] = W - self.lr * self.wd * W - self.lr * mc / (np.sqrt(vc) + self.eps)
