# what: Embedding and SoftmaxCrossEntropy layers with forward and backward, put together in one model
# call: Bigram
# truth: right
# kind: gradient
# needs: none

import numpy as np


class Embedding:
    def __init__(self, W):
        self.W = W

    def forward(self, idx):
        self.idx = idx
        return self.W[idx]

    def backward(self, dout):
        self.dW = np.zeros_like(self.W)
        np.add.at(self.dW, self.idx, dout)


class SoftmaxCrossEntropy:
    def forward(self, z, t):
        z = z - z.max(axis=-1, keepdims=True)
        self.logp, self.t = z - np.log(np.exp(z).sum(axis=-1, keepdims=True)), t[..., None]
        return -np.take_along_axis(self.logp, self.t, axis=-1).mean()

    def backward(self, dout=1.0):
        d = np.exp(self.logp)
        np.put_along_axis(d, self.t, np.take_along_axis(d, self.t, -1) - 1, -1)
        return dout * d / self.t.size


class Bigram:
    def __init__(self, W):
        self.emb, self.head = Embedding(W), SoftmaxCrossEntropy()

    def forward(self, idx, targets):
        return self.head.forward(self.emb.forward(idx), targets)

    def backward(self):
        self.emb.backward(self.head.backward())
        return self.emb.dW
