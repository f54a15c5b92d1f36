# what: the object is called
# call: AdamW
# truth: right
# kind: optimizer ; interface: class(lr, betas, eps, weight_decay); object called with (W, dW) -> new W
# needs: none

import numpy as np


class AdamW:
    def __init__(self, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.__dict__.update(lr=lr, b1=betas[0], b2=betas[1], eps=eps, wd=weight_decay, n=0)

    def __call__(self, W, dW):
        if not self.n:
            self.first, self.second = np.zeros_like(dW), np.zeros_like(dW)
        self.n += 1
        self.first = self.b1 * self.first + (1 - self.b1) * dW
        self.second = self.b2 * self.second + (1 - self.b2) * np.abs(dW) ** 2
        unbiased = self.first / (1 - self.b1**self.n)
        spread = np.sqrt(self.second / (1 - self.b2**self.n))
        return W - self.lr * self.wd * W - self.lr * unbiased / (spread + self.eps)
