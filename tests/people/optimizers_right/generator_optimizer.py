# what: a generator that is sent gradients and yields tables
# call: adamw
# truth: right
# kind: optimizer ; interface: generator adamw(W, lr, beta1, beta2, eps, weight_decay): next() yields W, send(dW) yields the new W
# needs: none

import numpy as np


def adamw(W, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2):
    W = W.copy()
    m, v = np.zeros_like(W), np.zeros_like(W)
    t = 0
    while True:
        g = yield W.copy()
        t += 1
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        W *= 1 - lr * weight_decay
        W -= lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps)
