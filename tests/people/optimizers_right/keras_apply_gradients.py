# what: apply_gradients of pairs, slots by the identity of a variable
# call: AdamW
# truth: right
# kind: optimizer ; interface: class(learning_rate, beta_1, beta_2, epsilon, weight_decay); apply_gradients([(grad, W)]) in place
# needs: none

import numpy as np


class AdamW:
    def __init__(self, learning_rate=0.001, weight_decay=0.01, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.iterations = 0
        self._momentums, self._velocities = {}, {}

    def apply_gradients(self, grads_and_vars):
        self.iterations += 1
        local_step = self.iterations
        for gradient, variable in grads_and_vars:
            m = self._momentums.setdefault(id(variable), np.zeros_like(variable))
            v = self._velocities.setdefault(id(variable), np.zeros_like(variable))
            variable -= variable * self.weight_decay * self.learning_rate
            m += (gradient - m) * (1 - self.beta_1)
            v += (np.square(gradient) - v) * (1 - self.beta_2)
            m_hat = m / (1 - self.beta_1**local_step)
            v_hat = v / (1 - self.beta_2**local_step)
            variable -= self.learning_rate * m_hat / (np.sqrt(v_hat) + self.epsilon)
