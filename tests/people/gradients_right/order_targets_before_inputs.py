# what: (logits_table, labels, inputs): labels before inputs
# call: loss_grad
# truth: right
# kind: gradient ; interface: (logits_table, labels, inputs) -> (loss, dW)
# needs: none

import numpy as np


def loss_grad(logits_table, labels, inputs):
    N = inputs.size
    z = logits_table - logits_table.max(1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(1, keepdims=True))
    grad = np.zeros_like(z)
    for i, j in zip(inputs.flat, labels.flat):
        grad[i] += np.exp(log_p[i])
        grad[i, j] -= 1
    return -log_p[inputs, labels].sum() / N, grad / N
