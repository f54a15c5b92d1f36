# what: the loss as an array of one element, keepdims left in
# call: keepdims_loss
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (array of shape (1, 1), dW)
# needs: none

import numpy as np


def keepdims_loss(W, idx, targets):
    z = W[idx.ravel()]
    z = z - z.max(1, keepdims=True)
    lse = np.log(np.exp(z).sum(1, keepdims=True))
    nll = lse - np.take_along_axis(z, targets.reshape(-1, 1), axis=1)
    d = np.exp(z - lse)
    d[np.arange(len(d)), targets.ravel()] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, idx.ravel(), d / len(d))
    return nll.mean(axis=0, keepdims=True), dW
