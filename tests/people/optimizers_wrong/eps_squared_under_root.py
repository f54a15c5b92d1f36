# what: sqrt(vhat + eps**2)
# call: AdamW
# truth: wrong
# names: eps squared inside the root

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, self.b1, self.b2, self.eps, self.wd = lr, betas[0], betas[1], eps, weight_decay
        self.m, self.v, self.t = 0.0 * W, 0.0 * W, 0

    def step(self, W, dW):
        self.t = self.t + 1
        self.m = self.b1 * self.m + (1 - self.b1) * dW
        self.v = self.b2 * self.v + (1 - self.b2) * dW * dW
        m = self.m / (1 - self.b1**self.t)
        r = np.hypot(np.sqrt(self.v / (1 - self.b2**self.t)), self.eps)
        W *= 1 - self.lr * self.wd
        W -= self.lr * m / r
