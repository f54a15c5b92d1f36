# what: everything in place with out= and two work arrays, the gradient is left alone
# call: AdamW
# truth: right
# kind: optimizer
# needs: none

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, (self.b1, self.b2), self.eps, self.wd, self.t = lr, betas, eps, weight_decay, 0
        self.m, self.v, self.a, self.b = (np.zeros_like(W) for _ in range(4))

    def step(self, W, dW):
        self.t += 1
        a, b = self.a, self.b
        self.m *= self.b1
        self.m += np.multiply(dW, 1 - self.b1, out=a)
        self.v *= self.b2
        np.multiply(dW, dW, out=a)
        a *= 1 - self.b2
        self.v += a
        np.divide(self.v, 1 - self.b2**self.t, out=b)
        np.sqrt(b, out=b)
        b += self.eps
        np.divide(self.m, 1 - self.b1**self.t, out=a)
        a /= b
        a *= self.lr
        W *= 1 - self.lr * self.wd
        W -= a
