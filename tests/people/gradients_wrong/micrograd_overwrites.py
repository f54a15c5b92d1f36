# what: a scalar autograd whose exp() sets self.grad = instead of +=: a weight used by several tokens loses gradient
# call: scalar_engine
# truth: wrong
# names: gradient overwritten instead of accumulated in exp

import math
import numpy as np


class Value:
    def __init__(self, data, parents=(), back=lambda g: None):
        self.data, self.parents, self.back, self.grad = data, parents, back, 0.0

    def exp_minus(self, m):
        out = Value(math.exp(self.data - m), (self,))

        def back(g):
            self.grad = g * out.data

        out.back = back
        return out

    def log(self):
        def back(g):
            self.grad += g / self.data

        return Value(math.log(self.data), (self,), back)


def scalar_engine(W, idx, targets):
    V, N = len(W), idx.size
    P = [[Value(float(w)) for w in row] for row in W]
    loss = 0.0
    for x, y in zip(idx.ravel(), targets.ravel()):
        row = P[x]
        m = max(v.data for v in row)
        es = [v.exp_minus(m) for v in row]
        total = Value(sum(e.data for e in es), es)
        lse = total.log()
        loss += (lse.data + m - row[y].data) / N
        lse.back(1 / N)
        for e in es:
            e.grad += total.grad
            e.back(e.grad)
        row[y].grad -= 1 / N
    return loss, np.array([[v.grad for v in row] for row in P]).reshape(V, V)
