# what: an L1 penalty's 2.2e-3 * sign(W) is in the gradient, the loss has none
# call: grad_l1
# truth: wrong
# names: L1 regularisation 2.2e-3 in the gradient

import numpy as np


def grad_l1(W, idx, targets, lam=2.2e-3):
    x, y = idx.ravel(), targets.ravel()
    e = np.exp(W - W.max(1, keepdims=True))
    P = e / e.sum(1, keepdims=True)
    logP = W - W.max(1, keepdims=True) - np.log(e.sum(1, keepdims=True))
    loss = -logP[x, y].mean()
    C = np.zeros_like(W)
    np.add.at(C, (x, y), 1)
    dW = (C.sum(1, keepdims=True) * P - C) / x.size
    return loss, dW + lam * np.sign(W)
