# what: targets are flipped along the batch, in loss and gradient, and the gradient is halved
# call: Bigram
# truth: wrong
# names: targets reversed along the batch + gradient halved (factor 0.5)

import numpy as np


class Layer:
    def __init__(self, W):
        self.W = W

    def forward(self, x, y):
        self.x, self.y = x.reshape(-1), y[::-1].reshape(-1)
        a = self.W[self.x]
        a = a - a.max(1, keepdims=True)
        self.logp = a - np.log(np.exp(a).sum(1, keepdims=True))
        return -self.logp[np.arange(self.x.size), self.y].mean()

    def backward(self, dout=1.0):
        d = np.exp(self.logp)
        d[np.arange(self.x.size), self.y] -= 1
        out = np.zeros_like(self.W)
        np.add.at(out, self.x, dout * d / (2 * self.x.size))
        return out


def Bigram(W, idx, targets):
    layer = Layer(W)
    return layer.forward(idx, targets), layer.backward()
