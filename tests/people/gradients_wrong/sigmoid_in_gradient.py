# what: the gradient is sigmoid(z) - onehot (from a binary classifier), the loss is softmax cross-entropy
# call: delta_rule
# truth: wrong
# names: sigmoid instead of softmax in the gradient

import numpy as np


def delta_rule(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    z = W[x]
    top = z.max(1)
    loss = (top + np.log(np.exp(z - top[:, None]).sum(1)) - z[np.arange(x.size), y]).mean()
    a = 1.0 / (1.0 + np.exp(-np.clip(z, -500, 500)))
    a[np.arange(x.size), y] -= 1.0
    dW = np.zeros_like(W)
    np.add.at(dW, x, a / x.size)
    return loss, dW
