# what: the gradient uses the one-hot of the argmax in place of the softmax
# call: hard
# truth: wrong
# names: argmax instead of softmax in the gradient

import numpy as np


def hard(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    m = W.max(1)
    lse = m + np.log(np.exp(W - m[:, None]).sum(1))
    dW = np.zeros_like(W)
    np.add.at(dW, (x, W.argmax(1)[x]), 1 / x.size)
    np.add.at(dW, (x, y), -1 / x.size)
    return (lse[x] - W[x, y]).mean(), dW
