# what: eps is inside the root: sqrt(vhat + eps)
# call: AdamW
# truth: wrong
# names: eps inside the square root

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, self.b, self.eps, self.wd = lr, betas, eps, weight_decay
        self.mu, self.nu, self.count = np.zeros_like(W), np.zeros_like(W), 0

    def step(self, W, dW):
        self.count += 1
        self.mu = self.b[0] * self.mu + (1 - self.b[0]) * dW
        self.nu = self.b[1] * self.nu + (1 - self.b[1]) * dW**2
        mu_hat = self.mu / (1 - self.b[0] ** self.count)
        nu_hat = self.nu / (1 - self.b[1] ** self.count)
        W += -self.lr * (mu_hat / np.sqrt(nu_hat + self.eps) + self.wd * W)
