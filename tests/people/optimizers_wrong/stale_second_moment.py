# what: the update uses v from before this step's gradient (from step 2 on)
# call: AdamW
# truth: wrong
# names: second moment one step old

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, self.b1, self.b2, self.eps, self.wd = lr, *betas, eps, weight_decay
        self.m, self.v, self.t = np.zeros_like(W), np.zeros_like(W), 0

    def step(self, W, dW):
        self.t += 1
        new_v = self.b2 * self.v + (1 - self.b2) * dW**2
        v_used, k = (self.v, self.t - 1) if self.t > 1 else (new_v, 1)
        self.m = self.b1 * self.m + (1 - self.b1) * dW
        W *= 1 - self.lr * self.wd
        W -= self.lr * (self.m / (1 - self.b1**self.t)) / (np.sqrt(v_used / (1 - self.b2**k)) + self.eps)
        self.v = new_v
