# what: w, m and v changed in place, nothing comes back
# call: adamw_
# truth: right
# kind: optimizer ; interface: adamw_(w, dw, m, v, t, lr, betas, eps, weight_decay) in place, t from 1
# needs: none

import numpy as np


def adamw_(w, dw, m, v, t, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
    b1, b2 = betas
    m *= b1
    m += (1 - b1) * dw
    v *= b2
    v += (1 - b2) * dw**2
    w *= 1 - lr * weight_decay
    w -= lr / (1 - b1**t) * m / (np.sqrt(v / (1 - b2**t)) + eps)
