# what: a loop over flat memory as in C, one parameter at a time
# call: gpt2_update
# truth: right
# kind: optimizer ; interface: gpt2_update(params, grads, m, v, t, learning_rate, beta1, beta2, eps, weight_decay) flat arrays in place, t from 1
# needs: none

import math


def gpt2_update(params, grads, m, v, t, learning_rate=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2):
    for i in range(len(params)):
        param = float(params[i])
        grad = float(grads[i])
        mi = beta1 * float(m[i]) + (1.0 - beta1) * grad
        vi = beta2 * float(v[i]) + (1.0 - beta2) * grad * grad
        m_hat = mi / (1.0 - beta1**t)
        v_hat = vi / (1.0 - beta2**t)
        m[i] = mi
        v[i] = vi
        params[i] = param - learning_rate * (m_hat / (math.sqrt(v_hat) + eps) + weight_decay * param)
