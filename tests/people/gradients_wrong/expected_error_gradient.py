# what: the gradient is that of the expected error 1 - p[target], the loss is the cross-entropy
# call: ce
# truth: wrong
# names: gradient of 1 - p instead of -log p

import numpy as np


def ce(W, idx, targets):
    i = idx.ravel()
    t = targets.ravel()
    n = np.arange(i.size)
    z = W[i]
    a = z.max(axis=1, keepdims=True)
    lse = a + np.log(np.sum(np.exp(z - a), axis=1, keepdims=True))
    p = np.exp(z - lse)
    pt = p[n, t][:, None]
    onehot = np.zeros(p.shape)
    onehot[n, t] = 1
    d = pt * (p - onehot) / i.size
    dW = np.zeros(W.shape)
    np.add.at(dW, i, d)
    return (lse[:, 0] - z[n, t]).mean(), dW
