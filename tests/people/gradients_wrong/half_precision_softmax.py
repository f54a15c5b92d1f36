# what: logits are cast to float16 for softmax and its gradient, the loss is float64
# call: amp_like
# truth: wrong
# names: float16 softmax in the gradient

import numpy as np


def amp_like(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    z = W[x]
    m = z.max(axis=1, keepdims=True)
    loss = (np.log(np.exp(z - m).sum(axis=1)) - (z - m)[np.arange(x.size), y]).mean()
    h = (z - m).astype(np.float16)
    p = np.exp(h)
    p = (p / p.sum(axis=1, keepdims=True)).astype(W.dtype)
    p[np.arange(x.size), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, p / x.size)
    return loss, dW
