# what: the table goes to the constructor
# call: BigramModel
# truth: right
# kind: gradient ; interface: class(W) with forward(idx, targets) -> loss and backward() -> dW
# needs: none

import numpy as np


class BigramModel:
    def __init__(self, W):
        self.W = W

    def forward(self, idx, targets):
        logits = self.W[idx]
        m = logits.max(-1, keepdims=True)
        e = np.exp(logits - m)
        s = e.sum(-1, keepdims=True)
        picked = np.take_along_axis(logits - m, targets[..., None], -1)
        self.cache = idx, targets, e / s
        return (np.log(s) - picked).mean()

    def backward(self):
        idx, targets, p = self.cache
        d = p.copy()
        np.put_along_axis(d, targets[..., None], np.take_along_axis(d, targets[..., None], -1) - 1, -1)
        grad = np.zeros_like(self.W)
        np.add.at(grad, idx.reshape(-1), d.reshape(-1, d.shape[-1]) / idx.size)
        return grad
