# what: a class without state before forward
# call: SoftmaxCrossEntropy
# truth: right
# kind: gradient ; interface: class() with forward(W, idx, targets) -> loss and backward() -> dW
# needs: none

import numpy as np


class SoftmaxCrossEntropy:
    def forward(self, W, idx, targets):
        self.shape, self.dtype = W.shape, W.dtype
        self.idx, self.targets = idx.ravel(), targets.ravel()
        z = W[self.idx]
        z = z - z.max(axis=1, keepdims=True)
        self.logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        return float(-self.logp[np.arange(self.idx.size), self.targets].mean())

    def backward(self):
        d = np.exp(self.logp)
        d[np.arange(self.idx.size), self.targets] -= 1
        dW = np.zeros(self.shape, self.dtype)
        np.add.at(dW, self.idx, d / self.idx.size)
        return dW
