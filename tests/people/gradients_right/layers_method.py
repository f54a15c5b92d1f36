# what: layers in a row; the method of an object is handed over
# call: loss_and_grads
# truth: right
# kind: gradient ; interface: bound method (W, idx, targets) -> (loss, dW)
# needs: none

import numpy as np


class Embedding:
    def forward(self, W, idx):
        self.W, self.idx = W, idx
        return W[idx]

    def backward(self, dout):
        dW = np.zeros_like(self.W)
        np.add.at(dW, self.idx, dout)
        return dW


class LogSoftmax:
    def forward(self, x):
        x = x - x.max(-1, keepdims=True)
        self.out = x - np.log(np.exp(x).sum(-1, keepdims=True))
        return self.out

    def backward(self, dout):
        return dout - np.exp(self.out) * dout.sum(-1, keepdims=True)


class NLL:
    def forward(self, logp, y):
        self.where, self.shape, self.dtype = np.indices(y.shape), logp.shape, logp.dtype
        self.y = y
        return -logp[(*self.where, y)].mean()

    def backward(self):
        d = np.zeros(self.shape, self.dtype)
        d[(*self.where, self.y)] = -1.0 / self.y.size
        return d


class Network:
    def __init__(self):
        self.embed, self.logsoftmax, self.nll = Embedding(), LogSoftmax(), NLL()

    def loss_and_grads(self, W, idx, targets):
        loss = self.nll.forward(self.logsoftmax.forward(self.embed.forward(W, idx)), targets)
        return loss, self.embed.backward(self.logsoftmax.backward(self.nll.backward()))


loss_and_grads = Network().loss_and_grads
