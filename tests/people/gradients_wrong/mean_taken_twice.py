# what: dlogits is divided by N and the accumulated dW once more
# call: net
# truth: wrong
# names: gradient divided by N twice

import numpy as np


class SoftmaxLoss:
    def forward(self, scores, labels):
        self.labels = labels
        s = scores - scores.max(axis=1, keepdims=True)
        e = np.exp(s)
        self.p = e / e.sum(axis=1, keepdims=True)
        return np.mean(np.log(e.sum(axis=1)) - s[np.arange(len(s)), labels])

    def backward(self):
        d = self.p.copy()
        d[np.arange(len(d)), self.labels] -= 1
        return d / len(d)


class Embedding:
    def __init__(self, W):
        self.W = W

    def forward(self, x):
        self.x = x
        return self.W[x]

    def backward(self, dout):
        dW = np.zeros_like(self.W)
        np.add.at(dW, self.x, dout)
        return dW / len(self.x)


def net(W, idx, targets):
    emb, ce = Embedding(W), SoftmaxLoss()
    loss = ce.forward(emb.forward(idx.ravel()), targets.ravel())
    return loss, emb.backward(ce.backward())
