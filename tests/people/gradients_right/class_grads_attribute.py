# what: backward() returns nothing and fills self.dW
# call: Bigram
# truth: right
# kind: gradient ; interface: class(W) with forward(idx, targets) -> loss, backward() -> None, attribute dW
# needs: none

import numpy as np


class Bigram:
    def __init__(self, W):
        self.W = np.array(W)
        self.dW = np.zeros_like(self.W)

    def forward(self, idx, targets):
        self.i, self.t = idx.ravel(), targets.ravel()
        z = self.W[self.i]
        z -= z.max(1, keepdims=True)
        self.p = np.exp(z)
        s = self.p.sum(1, keepdims=True)
        self.p /= s
        return np.mean(np.log(s[:, 0]) - z[np.arange(len(z)), self.t])

    def backward(self):
        self.dW[:] = 0
        self.p[np.arange(len(self.p)), self.t] -= 1
        np.add.at(self.dW, self.i, self.p)
        self.dW /= len(self.p)
