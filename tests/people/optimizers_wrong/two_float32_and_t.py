# what: the moments are float32 and the corrections use t + 1
# call: AdamW
# truth: wrong
# names: moments stored in float32 + step counter one too high

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, (self.b1, self.b2), self.eps, self.wd = lr, betas, eps, weight_decay
        self.m, self.v = np.zeros(W.shape, "f4"), np.zeros(W.shape, "f4")
        self.t = 0

    def step(self, W, dW):
        self.t += 1
        g = dW.astype("f4")
        self.m = self.b1 * self.m + (1 - self.b1) * g
        self.v = self.b2 * self.v + (1 - self.b2) * g * g
        mh, vh = self.m / (1 - self.b1 ** (self.t + 1)), self.v / (1 - self.b2 ** (self.t + 1))
        W *= 1 - self.lr * self.wd
        W -= self.lr * mh / (np.sqrt(vh) + self.eps)
