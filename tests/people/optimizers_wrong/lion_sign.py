# what: Lion: the sign of the interpolated momentum is the update
# call: AdamW
# truth: wrong
# names: sign of the momentum as update (Lion)

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, self.b1, self.b2, self.wd = lr, *betas, weight_decay
        self.m = np.zeros_like(W)

    def step(self, W, dW):
        W *= 1 - self.lr * self.wd
        W -= self.lr * np.sign(self.b1 * self.m + (1 - self.b1) * dW)
        self.m = self.b2 * self.m + (1 - self.b2) * dW
