# what: an object with __call__ that counts its calls
# call: objective
# truth: right
# kind: gradient ; interface: object called with (W, idx, targets) -> (loss, dW)
# needs: none

import numpy as np


class Objective:
    def __init__(self):
        self.calls = 0

    def __call__(self, W, idx, targets):
        self.calls += 1
        x, y = np.ravel(idx), np.ravel(targets)
        z = W[x] - np.max(W[x], axis=1)[:, np.newaxis]
        s = np.exp(z).sum(1)
        loss = np.average(np.log(s) - z[range(len(y)), y])
        grad = np.zeros_like(W)
        for i, t, zi, si in zip(x, y, z, s):
            grad[i] += np.exp(zi) / si
            grad[i, t] -= 1
        grad /= len(x)
        return loss, grad


objective = Objective()
