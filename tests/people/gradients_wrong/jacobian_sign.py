# what: log-softmax backward is g + p * sum(g) where it must be g - p * sum(g)
# call: layers
# truth: wrong
# names: wrong sign of the softmax term in the gradient

import numpy as np


class LogSoftmax:
    def forward(self, x):
        s = x - x.max(1, keepdims=True)
        self.out = s - np.log(np.exp(s).sum(1, keepdims=True))
        return self.out

    def backward(self, dout):
        return dout + np.exp(self.out) * dout.sum(1, keepdims=True)


class NLL:
    def forward(self, logp, t):
        self.shape, self.t = logp.shape, t
        return -logp[np.arange(len(t)), t].mean()

    def backward(self):
        d = np.zeros(self.shape)
        d[np.arange(len(self.t)), self.t] = -1 / len(self.t)
        return d


def layers(W, idx, targets):
    a, b = LogSoftmax(), NLL()
    loss = b.forward(a.forward(W[idx.ravel()]), targets.ravel())
    dz = a.backward(b.backward())
    dW = np.zeros_like(W)
    np.add.at(dW, idx.ravel(), dz)
    return loss, dW
