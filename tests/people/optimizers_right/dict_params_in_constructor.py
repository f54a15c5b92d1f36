# what: the dict of params goes to the constructor, step takes the dict of gradients
# call: AdamW
# truth: right
# kind: optimizer ; interface: class(params dict, lr, betas, eps, weight_decay); step(grads dict) in place
# needs: none

import numpy as np


class AdamW:
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.params = params
        self.lr, (self.b1, self.b2), self.eps, self.wd = lr, betas, eps, weight_decay
        self.cache = {k: {"m": np.zeros_like(p), "v": np.zeros_like(p)} for k, p in params.items()}
        self.t = 0

    def step(self, grads):
        self.t += 1
        for k in self.params:
            c = self.cache[k]
            c["m"] = self.b1 * c["m"] + (1 - self.b1) * grads[k]
            c["v"] = self.b2 * c["v"] + (1 - self.b2) * grads[k] ** 2
            mt = c["m"] / (1 - self.b1**self.t)
            vt = c["v"] / (1 - self.b2**self.t)
            self.params[k] += -self.lr * self.wd * self.params[k]
            self.params[k] += -self.lr * mt / (np.sqrt(vt) + self.eps)
