# what: the constructor takes **kwargs with defaults of its class
# call: AdamW
# truth: right
# kind: optimizer ; interface: class(**kwargs: lr, betas, eps, weight_decay); step(W, dW) in place
# needs: none

import numpy as np


class AdamW:
    defaults = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 1e-2}

    def __init__(self, **kwargs):
        unknown = set(kwargs) - set(self.defaults)
        if unknown:
            raise TypeError(f"unknown settings {sorted(unknown)}")
        self.h = self.defaults | kwargs
        self.state = {}

    def step(self, W, dW):
        s = self.state
        if not s:
            s.update(t=0, m=np.zeros_like(W), v=np.zeros_like(W))
        s["t"] += 1
        b1, b2 = self.h["betas"]
        s["m"], s["v"] = b1 * s["m"] + (1 - b1) * dW, b2 * s["v"] + (1 - b2) * dW * dW
        W -= self.h["lr"] * self.h["weight_decay"] * W
        W -= self.h["lr"] * s["m"] / (1 - b1 ** s["t"]) / (np.sqrt(s["v"] / (1 - b2 ** s["t"])) + self.h["eps"])
