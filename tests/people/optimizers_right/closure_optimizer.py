# what: a factory returns the step function
# call: make_adamw
# truth: right
# kind: optimizer ; interface: make_adamw(lr, betas, eps, weight_decay) -> step(W, dW) -> new W
# needs: none

import numpy as np


def make_adamw(lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
    m = v = 0.0
    t = 0

    def step(W, dW):
        nonlocal m, v, t
        t += 1
        m = betas[0] * m + (1 - betas[0]) * dW
        v = betas[1] * v + (1 - betas[1]) * dW**2
        m_hat, v_hat = m / (1 - betas[0] ** t), v / (1 - betas[1] ** t)
        return W - lr * (m_hat / (np.sqrt(v_hat) + eps)) - lr * weight_decay * W

    return step
