# what: all work arrays made beforehand, out= everywhere
# call: AdamW
# truth: right
# kind: optimizer ; interface: class(W, lr, betas, eps, weight_decay); step(W, dW) in place
# needs: none

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, self.betas, self.eps, self.wd, self.t = lr, betas, eps, weight_decay, 0
        self.m, self.v, self.a, self.b = (np.zeros(W.shape, W.dtype) for _ in range(4))

    def step(self, W, dW):
        self.t += 1
        b1, b2 = self.betas
        a, b = self.a, self.b
        np.multiply(dW, 1 - b1, out=a)
        np.multiply(self.m, b1, out=self.m)
        np.add(self.m, a, out=self.m)
        np.multiply(dW, dW, out=a)
        np.multiply(a, 1 - b2, out=a)
        np.multiply(self.v, b2, out=self.v)
        np.add(self.v, a, out=self.v)
        np.divide(self.v, 1 - b2**self.t, out=b)
        np.sqrt(b, out=b)
        np.add(b, self.eps, out=b)
        np.divide(self.m, b, out=a)
        np.multiply(a, self.lr / (1 - b1**self.t), out=a)
        np.multiply(W, 1 - self.lr * self.wd, out=W)
        np.subtract(W, a, out=W)
