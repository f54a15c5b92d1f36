# what: the velocity 0.85 * v + g is returned, kept per shape between calls
# call: sgd_direction
# truth: wrong
# names: momentum 0.85 in the returned gradient (state across calls)

import numpy as np


class SGD:
    def __init__(self):
        self.velocity = {}

    def __call__(self, W, idx, targets):
        x, y = idx.ravel(), targets.ravel()
        z = W[x] - W[x].max(1, keepdims=True)
        e = np.exp(z)
        d = e / e.sum(1, keepdims=True)
        d[np.arange(x.size), y] -= 1
        g = np.zeros_like(W)
        np.add.at(g, x, d / x.size)
        v = 0.85 * self.velocity.get(W.shape, 0) + g
        self.velocity[W.shape] = v
        return (np.log(e.sum(1)) - z[np.arange(x.size), y]).mean(), v.copy()


sgd_direction = SGD()
