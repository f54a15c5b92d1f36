# what: only the first moment is corrected, the second is used raw (an optimizer with Keras' names)
# call: AdamW
# truth: wrong
# names: only the first moment is corrected

import numpy as np


class AdamW:
    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-8, weight_decay=0.01):
        self.learning_rate, self.beta_1, self.beta_2 = learning_rate, beta_1, beta_2
        self.epsilon, self.weight_decay = epsilon, weight_decay
        self.iterations, self.built = 0, False

    def build(self, variable):
        self.momentum, self.velocity, self.built = np.zeros_like(variable), np.zeros_like(variable), True

    def step(self, variable, gradient):
        if not self.built:
            self.build(variable)
        self.iterations += 1
        self.momentum += (gradient - self.momentum) * (1 - self.beta_1)
        self.velocity += (np.square(gradient) - self.velocity) * (1 - self.beta_2)
        alpha = self.learning_rate / (1 - self.beta_1**self.iterations)
        variable -= variable * self.weight_decay * self.learning_rate
        variable -= self.momentum * alpha / (np.sqrt(self.velocity) + self.epsilon)
