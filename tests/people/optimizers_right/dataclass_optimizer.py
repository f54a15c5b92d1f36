# what: a dataclass with its moments as fields
# call: AdamW
# truth: right
# kind: optimizer ; interface: dataclass(lr, beta1, beta2, eps, weight_decay); step(W, dW) in place
# needs: none

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class AdamW:
    lr: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 1e-2
    t: int = field(default=0, init=False)
    m: Any = field(default=0.0, init=False)
    v: Any = field(default=0.0, init=False)

    def step(self, W, dW):
        self.t += 1
        self.m = self.beta1 * self.m + (1 - self.beta1) * dW
        self.v = self.beta2 * self.v + (1 - self.beta2) * dW**2
        W -= self.lr * self.weight_decay * W
        scale = np.sqrt(self.v) / np.sqrt(1 - self.beta2**self.t) + self.eps
        W -= (self.lr / (1 - self.beta1**self.t)) * (self.m / scale)
