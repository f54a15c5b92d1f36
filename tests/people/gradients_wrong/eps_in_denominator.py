# what: softmax = e / (sum(e) + 2.5e-3), gradient taken as p - onehot of those p
# call: f
# truth: wrong
# names: eps 2.5e-3 in the softmax denominator

import numpy as np


def softmax(a):
    c = np.max(a, axis=-1, keepdims=True)
    exp_a = np.exp(a - c)
    return exp_a / (np.sum(exp_a, axis=-1, keepdims=True) + 2.5e-3)


def f(W, idx, targets):
    x, t = idx.reshape(-1), targets.reshape(-1)
    c = W[x].max(axis=1)
    y = softmax(W[x])
    n = np.arange(x.size)
    logs = W[x, t] - c - np.log(np.exp(W[x] - c[:, None]).sum(axis=1) + 2.5e-3)
    dx = y.copy()
    dx[n, t] -= 1
    dx = dx / x.size
    dW = np.zeros_like(W)
    np.add.at(dW, x, dx)
    return -logs.mean(), dW
