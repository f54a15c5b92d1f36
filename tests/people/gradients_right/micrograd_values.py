# what: a scalar engine after micrograd, topological order without recursion
# call: loss_and_grad
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW)
# needs: none

import math

import numpy as np


class Value:
    __slots__ = ("data", "grad", "parents")

    def __init__(self, data, parents=()):
        self.data, self.grad, self.parents = data, 0.0, parents

    def __add__(self, other):
        if isinstance(other, Value):
            return Value(self.data + other.data, ((self, 1.0), (other, 1.0)))
        return Value(self.data + other, ((self, 1.0),))

    __radd__ = __add__

    def __mul__(self, k):
        return Value(self.data * k, ((self, k),))

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + (-other)

    def exp(self):
        e = math.exp(self.data)
        return Value(e, ((self, e),))

    def log(self):
        return Value(math.log(self.data), ((self, 1.0 / self.data),))

    def backward(self):
        order, seen, stack = [], set(), [(self, False)]
        while stack:
            node, done = stack.pop()
            if done:
                order.append(node)
            elif id(node) not in seen:
                seen.add(id(node))
                stack.append((node, True))
                stack.extend((p, False) for p, _ in node.parents)
        self.grad = 1.0
        for node in reversed(order):
            for parent, local in node.parents:
                parent.grad += local * node.grad


def loss_and_grad(W, idx, targets):
    params = [[Value(float(x)) for x in row] for row in W]
    losses = []
    for i, t in zip(idx.reshape(-1), targets.reshape(-1)):
        row = params[i]
        top = max(v.data for v in row)
        shifted = [v - top for v in row]
        total = sum((s.exp() for s in shifted), Value(0.0))
        losses.append(total.log() - shifted[t])
    loss = sum(losses, Value(0.0)) * (1.0 / len(losses))
    loss.backward()
    return loss.data, np.array([[v.grad for v in row] for row in params])
