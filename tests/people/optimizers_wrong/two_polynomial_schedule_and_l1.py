# what: the learning rate falls as (1 - t / 500)**0.9, and the decay is by sign(W)
# call: AdamW
# truth: wrong
# names: learning rate schedule left in (polynomial) + decay by the sign of W (L1)

import numpy as np


def adam(W, dW, s, lr, b1, b2, eps):
    s["t"] += 1
    s["m"] = b1 * s["m"] + (1 - b1) * dW
    s["v"] = b2 * s["v"] + (1 - b2) * dW**2
    W -= lr * (s["m"] / (1 - b1 ** s["t"])) / (np.sqrt(s["v"] / (1 - b2 ** s["t"])) + eps)


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.args = (lr, *betas, eps)
        self.wd = weight_decay
        self.state = {"t": 0, "m": np.zeros_like(W), "v": np.zeros_like(W)}

    def step(self, W, dW):
        lr, b1, b2, eps = self.args
        lr *= max(0.0, 1 - self.state["t"] / 500) ** 0.9
        W -= lr * self.wd * np.sign(W)
        adam(W, dW, self.state, lr, b1, b2, eps)
