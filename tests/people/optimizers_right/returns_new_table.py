# what: step leaves its arguments alone
# call: AdamW
# truth: right
# kind: optimizer ; interface: class(learning_rate, b1, b2, eps, wd); step(W, dW) -> new W
# needs: none

import numpy as np


class AdamW:
    def __init__(self, learning_rate=1e-3, b1=0.9, b2=0.999, eps=1e-8, wd=1e-2):
        self.learning_rate, self.b1, self.b2, self.eps, self.wd = learning_rate, b1, b2, eps, wd
        self.state = 0, 0.0, 0.0

    def step(self, W, dW):
        t, m, v = self.state
        t, m, v = t + 1, self.b1 * m + (1 - self.b1) * dW, self.b2 * v + (1 - self.b2) * dW * dW
        self.state = t, m, v
        adam = (m / (1 - self.b1**t)) / (np.sqrt(v / (1 - self.b2**t)) + self.eps)
        return W * (1 - self.learning_rate * self.wd) - self.learning_rate * adam
