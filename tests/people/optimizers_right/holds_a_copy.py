# what: the table is copied; step takes the gradient and returns the new table
# call: Optimizer
# truth: right
# kind: optimizer ; interface: class(w0, alpha, beta1, beta2, epsilon, lam); step(dW) -> new W
# needs: none

import numpy as np


class Optimizer:
    """Decoupled weight decay, in the paper's letters."""

    def __init__(self, w0, alpha=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, lam=0.01):
        self.theta = np.array(w0)
        self.alpha, self.beta1, self.beta2, self.epsilon, self.lam = alpha, beta1, beta2, epsilon, lam
        self.m = 0 * self.theta
        self.v = 0 * self.theta
        self.t = 0

    def step(self, g):
        self.t = self.t + 1
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
        mhat = self.m / (1 - self.beta1**self.t)
        vhat = self.v / (1 - self.beta2**self.t)
        direction = mhat / (vhat**0.5 + self.epsilon)
        self.theta = self.theta - self.alpha * direction - self.alpha * self.lam * self.theta
        return self.theta.copy()
