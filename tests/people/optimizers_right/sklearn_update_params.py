# what: params in the constructor as a list, updates computed first, then added
# call: AdamWOptimizer
# truth: right
# kind: optimizer ; interface: class(params list, learning_rate_init, beta_1, beta_2, epsilon, weight_decay); update_params(params, grads) in place
# needs: none

import numpy as np


class AdamWOptimizer:
    def __init__(
        self, params, learning_rate_init=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-8, weight_decay=0.01
    ):
        self.learning_rate_init = learning_rate_init
        self.beta_1, self.beta_2, self.epsilon, self.weight_decay = beta_1, beta_2, epsilon, weight_decay
        self.t = 0
        self.ms = [np.zeros_like(p) for p in params]
        self.vs = [np.zeros_like(p) for p in params]

    def update_params(self, params, grads):
        for param, update in zip(params, self._get_updates(params, grads)):
            param += update

    def _get_updates(self, params, grads):
        self.t += 1
        self.ms = [self.beta_1 * m + (1 - self.beta_1) * g for m, g in zip(self.ms, grads)]
        self.vs = [self.beta_2 * v + (1 - self.beta_2) * g**2 for v, g in zip(self.vs, grads)]
        ratio = self.learning_rate_init / (1 - self.beta_1**self.t)
        root = np.sqrt(1 - self.beta_2**self.t)
        return [
            -self.learning_rate_init * self.weight_decay * p - ratio * m / (np.sqrt(v) / root + self.epsilon)
            for p, m, v in zip(params, self.ms, self.vs)
        ]
