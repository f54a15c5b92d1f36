# what: the cautious variant: where momentum and gradient differ in sign the update is masked, the rest is scaled up by the mask's mean
# call: AdamW
# truth: wrong
# names: update masked by sign
# where: from the first step at which a sign differs, or a gradient is zero

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, (self.b1, self.b2), self.eps, self.wd = lr, betas, eps, weight_decay
        self.m, self.v, self.t = np.zeros_like(W), np.zeros_like(W), 0

    def step(self, W, g):
        self.t += 1
        self.m = self.b1 * self.m + (1 - self.b1) * g
        self.v = self.b2 * self.v + (1 - self.b2) * g * g
        update = (self.m / (1 - self.b1**self.t)) / (np.sqrt(self.v / (1 - self.b2**self.t)) + self.eps)
        mask = (self.m * g > 0).astype(W.dtype)
        mask /= max(mask.mean(), 1e-3)
        W *= 1 - self.lr * self.wd
        W -= self.lr * update * mask
