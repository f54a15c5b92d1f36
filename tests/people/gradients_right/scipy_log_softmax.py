# what: scipy.special.log_softmax and softmax
# call: loss_and_grad
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW)
# needs: scipy

import numpy as np
from scipy.special import log_softmax, softmax


def loss_and_grad(W, idx, targets):
    flat, y = idx.ravel(), targets.ravel()
    logits = W[flat]
    loss = -log_softmax(logits, axis=1)[np.arange(len(y)), y].mean()
    d = softmax(logits, axis=1)
    d[np.arange(len(y)), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, flat, d)
    return loss, dW / len(y)
