# what: the gradient is clipped to 0.07 by value, and the second moment is not corrected
# call: AdamW
# truth: wrong
# names: gradient clipped to 0.07 by value + bias correction of the second moment missing

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.params = {"W": W}
        self.hyper = {"lr": lr, "betas": betas, "eps": eps, "wd": weight_decay}
        self.moment1 = {k: np.zeros_like(p) for k, p in self.params.items()}
        self.moment2 = {k: np.zeros_like(p) for k, p in self.params.items()}
        self.n = 0

    def step(self, W, dW):
        self.n += 1
        h, (b1, b2) = self.hyper, self.hyper["betas"]
        for k, p, g in (("W", W, np.clip(dW, -0.07, 0.07)),):
            self.moment1[k] = b1 * self.moment1[k] + (1 - b1) * g
            self.moment2[k] = b2 * self.moment2[k] + (1 - b2) * g * g
            p *= 1 - h["lr"] * h["wd"]
            p -= h["lr"] * self.moment1[k] / (1 - b1**self.n) / (np.sqrt(self.moment2[k]) + h["eps"])
