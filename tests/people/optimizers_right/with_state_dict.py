# what: all state in a dict, with state_dict and load_state_dict; step saves and restores itself each time
# call: AdamW
# truth: right
# kind: optimizer
# needs: none

import copy

import numpy as np


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.hyper = dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)
        self.state = dict(step=0, exp_avg=np.zeros_like(W), exp_avg_sq=np.zeros_like(W))

    def state_dict(self):
        return copy.deepcopy({"hyper": self.hyper, "state": self.state})

    def load_state_dict(self, saved):
        self.hyper, self.state = copy.deepcopy(saved["hyper"]), copy.deepcopy(saved["state"])

    def step(self, W, dW):
        self.load_state_dict(self.state_dict())
        h, s = self.hyper, self.state
        b1, b2 = h["betas"]
        s["step"] += 1
        s["exp_avg"] = b1 * s["exp_avg"] + (1 - b1) * dW
        s["exp_avg_sq"] = b2 * s["exp_avg_sq"] + (1 - b2) * dW**2
        W *= 1 - h["lr"] * h["weight_decay"]
        denom = np.sqrt(s["exp_avg_sq"] / (1 - b2 ** s["step"])) + h["eps"]
        W -= h["lr"] * (s["exp_avg"] / (1 - b1 ** s["step"])) / denom
