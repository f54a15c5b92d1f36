# what: t grows by two per step: once at the top and once in the parameter loop
# call: AdamW
# truth: wrong
# names: step counter advances by 2

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, self.betas, self.eps, self.wd = lr, betas, eps, weight_decay
        self.state = [{"m": np.zeros_like(W), "v": np.zeros_like(W)}]
        self.t = 0

    def step(self, W, dW):
        self.t += 1
        b1, b2 = self.betas
        for p, g, s in zip([W], [dW], self.state):
            self.t += 1
            p *= 1 - self.lr * self.wd
            s["m"] = b1 * s["m"] + (1 - b1) * g
            s["v"] = b2 * s["v"] + (1 - b2) * g**2
            mhat = s["m"] / (1 - b1**self.t)
            vhat = s["v"] / (1 - b2**self.t)
            p -= self.lr * mhat / (np.sqrt(vhat) + self.eps)
