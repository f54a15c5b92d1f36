# what: the gradient is averaged in the loss layer's backward and once more in the embedding's: divided by N twice
# call: Bigram
# truth: wrong
# names: divided by N twice

import numpy as np


class SoftmaxWithLoss:
    def forward(self, z, y):
        self.y = y
        z = z - z.max(axis=1, keepdims=True)
        self.logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        return -self.logp[np.arange(len(y)), y].mean()

    def backward(self):
        d = np.exp(self.logp)
        d[np.arange(len(self.y)), self.y] -= 1
        return d / len(self.y)


class Bigram:
    def __init__(self, W):
        self.W, self.head = W, SoftmaxWithLoss()

    def forward(self, idx, targets):
        self.x = idx.ravel()
        return self.head.forward(self.W[self.x], targets.ravel())

    def backward(self):
        dout = self.head.backward()
        dW = np.zeros_like(self.W)
        np.add.at(dW, self.x, dout)
        return dW / self.x.size
