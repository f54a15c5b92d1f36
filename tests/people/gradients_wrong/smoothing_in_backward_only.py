# what: the gradient subtracts smoothed targets (0.0125 over all V), the loss is the plain one
# call: CrossEntropy
# truth: wrong
# names: label smoothing 0.0125 in the gradient

import numpy as np


class Loss:
    smooth = 0.0125

    def forward(self, z, t):
        z = z - z.max(-1, keepdims=True)
        self.logp = z - np.log(np.exp(z).sum(-1, keepdims=True))
        self.t = t
        return -self.logp[np.arange(len(t)), t].mean()

    def backward(self):
        n, v = self.logp.shape
        q = np.full((n, v), self.smooth / v)
        q[np.arange(n), self.t] += 1 - self.smooth
        return (np.exp(self.logp) - q) / n


def CrossEntropy(W, idx, targets):
    layer = Loss()
    x = idx.reshape(-1)
    loss = layer.forward(W[x], targets.reshape(-1))
    dW = np.zeros_like(W)
    np.add.at(dW, x, layer.backward())
    return loss, dW
