# what: params and grads as dicts of arrays, changed in place
# call: AdamW
# truth: right
# kind: optimizer ; interface: class(lr, betas, eps, weight_decay); step(params, grads) dicts of arrays in place
# needs: none

import numpy as np


class AdamW:
    def __init__(self, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, self.betas, self.eps, self.weight_decay = lr, betas, eps, weight_decay
        self.m, self.v, self.t = {}, {}, 0

    def step(self, params, grads):
        self.t += 1
        b1, b2 = self.betas
        for key, p in params.items():
            g = grads[key]
            m = self.m[key] = b1 * self.m.get(key, 0) + (1 - b1) * g
            v = self.v[key] = b2 * self.v.get(key, 0) + (1 - b2) * g**2
            p *= 1 - self.lr * self.weight_decay
            p -= self.lr * (m / (1 - b1**self.t)) / (np.sqrt(v / (1 - b2**self.t)) + self.eps)
