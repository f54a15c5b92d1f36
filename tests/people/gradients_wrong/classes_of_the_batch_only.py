# what: the softmax runs over the classes that occur among the batch's targets only (sampled softmax)
# call: sampled
# truth: wrong
# names: softmax only over the targets in the batch

import numpy as np


def sampled(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    classes, label = np.unique(y, return_inverse=True)
    label = label.reshape(-1)
    z = W[x][:, classes]
    z = z - z.max(1, keepdims=True)
    lp = z - np.log(np.exp(z).sum(1, keepdims=True))
    loss = -lp[np.arange(x.size), label].mean()
    d = np.exp(lp)
    d[np.arange(x.size), label] -= 1
    dW = np.zeros_like(W)
    full = np.zeros((x.size, len(W)))
    full[:, classes] = d / x.size
    np.add.at(dW, x, full)
    return loss, dW
