# what: the constructor takes a shape; names after Keras
# call: AdamW
# truth: right
# kind: optimizer ; interface: class(shape, learning_rate, beta_1, beta_2, epsilon, weight_decay); step(W, dW) in place
# needs: none

import numpy as np


class AdamW:
    def __init__(self, shape, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-8, weight_decay=0.01):
        self.learning_rate = learning_rate
        self.beta_1, self.beta_2 = beta_1, beta_2
        self.epsilon = epsilon
        self.weight_decay = weight_decay
        self.momentum = np.zeros(shape)
        self.velocity = np.zeros(shape)
        self.iterations = 0

    def step(self, W, dW):
        self.iterations += 1
        self.momentum += (dW - self.momentum) * (1 - self.beta_1)
        self.velocity += (np.square(dW) - self.velocity) * (1 - self.beta_2)
        correction1 = 1 - np.power(self.beta_1, self.iterations)
        correction2 = 1 - np.power(self.beta_2, self.iterations)
        W -= self.learning_rate * self.weight_decay * W
        W -= self.learning_rate * (self.momentum / correction1) / (np.sqrt(self.velocity / correction2) + self.epsilon)
