# what: plain loops over nested lists, a new list comes back
# call: ListAdamW
# truth: right
# kind: optimizer ; interface: class(lr, betas, eps, weight_decay); step(W, dW) -> list of lists
# needs: none

import math


class ListAdamW:
    def __init__(self, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, self.betas, self.eps, self.wd = lr, betas, eps, weight_decay
        self.t, self.m, self.v = 0, {}, {}

    def step(self, W, dW):
        self.t += 1
        b1, b2 = self.betas
        out = []
        for i, (row, grads) in enumerate(zip(W, dW)):
            out.append([])
            for j, (w, g) in enumerate(zip(row, grads)):
                w, g = float(w), float(g)
                m = self.m[i, j] = b1 * self.m.get((i, j), 0.0) + (1 - b1) * g
                v = self.v[i, j] = b2 * self.v.get((i, j), 0.0) + (1 - b2) * g * g
                step = (m / (1 - b1**self.t)) / (math.sqrt(v / (1 - b2**self.t)) + self.eps)
                out[-1].append(w * (1 - self.lr * self.wd) - self.lr * step)
        return out
