# what: state goes in and comes out
# call: adamw
# truth: right
# kind: optimizer ; interface: adamw(w, dw, m, v, t, lr, beta1, beta2, eps, wd) -> (w, m, v), t from 1
# needs: none

import numpy as np


def adamw(w, dw, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, wd=1e-2):
    m = beta1 * m + (1 - beta1) * dw
    v = beta2 * v + (1 - beta2) * dw * dw
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    w = w - lr * (m_hat / (np.sqrt(v_hat) + eps) + wd * w)
    return w, m, v
