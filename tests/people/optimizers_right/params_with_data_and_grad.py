# what: micrograd's way: objects with .data and .grad
# call: AdamW
# truth: right
# kind: optimizer ; interface: class(params, lr, betas, eps, weight_decay) of objects with .data and .grad; step() and zero_grad()
# needs: none

import numpy as np


class AdamW:
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.params = list(params)
        self.lr, self.betas, self.eps, self.weight_decay, self.t = lr, betas, eps, weight_decay, 0
        self.m = [np.zeros_like(p.data) for p in self.params]
        self.v = [np.zeros_like(p.data) for p in self.params]

    def zero_grad(self):
        for p in self.params:
            p.grad = None

    def step(self):
        self.t += 1
        b1, b2 = self.betas
        for k, p in enumerate(self.params):
            if p.grad is None:
                continue
            self.m[k] = b1 * self.m[k] + (1 - b1) * p.grad
            self.v[k] = b2 * self.v[k] + (1 - b2) * p.grad**2
            adaptive = self.m[k] / (1 - b1**self.t) / (np.sqrt(self.v[k] / (1 - b2**self.t)) + self.eps)
            p.data = p.data - self.lr * self.weight_decay * p.data - self.lr * adaptive
