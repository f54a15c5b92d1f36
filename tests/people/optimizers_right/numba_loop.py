# what: a compiled loop over all entries behind step(W, dW)
# call: AdamW
# truth: right
# kind: optimizer ; interface: class(W, lr, beta1, beta2, eps, weight_decay); step(W, dW) in place
# needs: numba

import numpy as np
from numba import njit


@njit
def kernel(w, g, m, v, lr, b1, b2, eps, wd, c1, c2):
    for i in range(w.shape[0]):
        for j in range(w.shape[1]):
            m[i, j] = b1 * m[i, j] + (1 - b1) * g[i, j]
            v[i, j] = b2 * v[i, j] + (1 - b2) * g[i, j] * g[i, j]
            w[i, j] -= lr * (m[i, j] / c1 / (np.sqrt(v[i, j] / c2) + eps) + wd * w[i, j])


class AdamW:
    def __init__(self, W, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2):
        self.hp, self.t = (lr, beta1, beta2, eps, weight_decay), 0
        self.m, self.v = np.zeros_like(W), np.zeros_like(W)

    def step(self, W, dW):
        self.t += 1
        _, b1, b2, _, _ = self.hp
        kernel(W, dW, self.m, self.v, *self.hp, 1 - b1**self.t, 1 - b2**self.t)
