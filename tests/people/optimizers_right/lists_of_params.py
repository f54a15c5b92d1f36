# what: params and grads as lists, after update(params, grads)
# call: AdamW
# truth: right
# kind: optimizer ; interface: class(lr, beta1, beta2, eps, weight_decay); update(params, grads) lists of arrays in place
# needs: none

import numpy as np


class AdamW:
    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
        self.lr, self.beta1, self.beta2, self.eps, self.weight_decay = lr, beta1, beta2, eps, weight_decay
        self.moments, self.t = None, 0

    def update(self, params, grads):
        if self.moments is None:
            self.moments = [(np.zeros_like(p), np.zeros_like(p)) for p in params]
        self.t += 1
        for p, g, (m, v) in zip(params, grads, self.moments):
            m *= self.beta1
            m += (1 - self.beta1) * g
            v *= self.beta2
            v += (1 - self.beta2) * g * g
            p *= 1 - self.lr * self.weight_decay
            p -= self.lr / (1 - self.beta1**self.t) * m / (np.sqrt(v / (1 - self.beta2**self.t)) + self.eps)
