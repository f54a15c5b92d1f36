# what: step(grad, param): the gradient comes first
# call: AdamW
# truth: right
# kind: optimizer ; interface: class(lr, betas, eps, weight_decay); step(grad, param) -> new param
# needs: none

import numpy as np


class AdamW:
    def __init__(self, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, self.betas, self.eps, self.weight_decay = lr, betas, eps, weight_decay
        self.avg = self.sq = 0
        self.count = 0

    def step(self, grad, param):
        self.count += 1
        for name, beta, value in (("avg", self.betas[0], grad), ("sq", self.betas[1], grad * grad)):
            setattr(self, name, beta * getattr(self, name) + (1 - beta) * value)
        a = self.avg / (1 - self.betas[0] ** self.count)
        s = self.sq / (1 - self.betas[1] ** self.count)
        return (1 - self.lr * self.weight_decay) * param - self.lr * a / (np.sqrt(s) + self.eps)
