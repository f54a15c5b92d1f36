# what: the method is called update
# call: AdamW
# truth: right
# kind: optimizer ; interface: class(lr, beta1, beta2, eps, weight_decay); update(W, dW) in place
# needs: none

import numpy as np


class AdamW:
    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
        self.lr, self.beta1, self.beta2, self.eps, self.weight_decay = lr, beta1, beta2, eps, weight_decay
        self.iter = 0
        self.m = None
        self.v = None

    def update(self, W, dW):
        if self.m is None:
            self.m = np.zeros_like(W)
            self.v = np.zeros_like(W)
        self.iter += 1
        W -= self.lr * self.weight_decay * W
        self.m += (1 - self.beta1) * (dW - self.m)
        self.v += (1 - self.beta2) * (dW**2 - self.v)
        lr_t = self.lr / (1.0 - self.beta1**self.iter)
        W -= lr_t * self.m / (np.sqrt(self.v / (1.0 - self.beta2**self.iter)) + self.eps)
