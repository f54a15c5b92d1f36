# what: itertools and comprehensions; the gradient first
# call: grad_and_loss
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (dW, loss)
# needs: none

import itertools
import math

import numpy as np


def log_softmax(row):
    m = max(row)
    lse = math.log(sum(math.exp(r - m) for r in row))
    return [(r - m) - lse for r in row]


def grad_and_loss(W, idx, targets):
    tokens = list(zip(itertools.chain.from_iterable(idx.tolist()), itertools.chain.from_iterable(targets.tolist())))
    logps = {i: log_softmax(W[i].tolist()) for i in {i for i, _ in tokens}}
    loss = sum(-logps[i][t] for i, t in tokens) / len(tokens)
    grad = np.zeros_like(W)
    for i, lp in logps.items():
        mine = [t for k, t in tokens if k == i]
        grad[i] = [(len(mine) * math.exp(l) - mine.count(j)) / len(tokens) for j, l in enumerate(lp)]
    return grad, loss
