# what: alpha and lam, all required, keyword-only
# call: AdamW
# truth: right
# kind: optimizer ; interface: class(*, alpha, beta1, beta2, epsilon, lam); step(W, dW) in place
# needs: none

import numpy as np


class AdamW:
    def __init__(self, *, alpha, beta1, beta2, epsilon, lam):
        self.alpha, self.beta1, self.beta2, self.epsilon, self.lam = alpha, beta1, beta2, epsilon, lam
        self.b1t = self.b2t = 1.0  # running products of the betas
        self.m = self.v = None

    def step(self, W, dW):
        if self.m is None:
            self.m, self.v = np.zeros(W.shape, W.dtype), np.zeros(W.shape, W.dtype)
        self.b1t *= self.beta1
        self.b2t *= self.beta2
        self.m += (1 - self.beta1) * (dW - self.m)
        self.v += (1 - self.beta2) * (dW * dW - self.v)
        W *= 1 - self.alpha * self.lam
        W -= self.alpha * (self.m / (1 - self.b1t)) / (np.sqrt(self.v / (1 - self.b2t)) + self.epsilon)
