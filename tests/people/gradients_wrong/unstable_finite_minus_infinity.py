# what: logits below -250 are set to -250, a mask value from half precision kept in the model
# call: masked_fill
# truth: unstable
# names: logits floored at -250

import numpy as np

NEG = -250.0


def masked_fill(W, idx, targets):
    T = np.where(W < NEG, NEG, W)
    x, y = idx.ravel(), targets.ravel()
    m = T.max(1, keepdims=True)
    lse = m + np.log(np.exp(T - m).sum(1, keepdims=True))
    P = np.exp(T - lse)
    loss = (lse[x, 0] - T[x, y]).mean()
    dW = np.zeros_like(W)
    np.add.at(dW, x, P[x])
    np.add.at(dW, (x, y), -1)
    return loss, dW / x.size
