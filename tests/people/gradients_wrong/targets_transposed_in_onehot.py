# what: the one-hot of the gradient is made of targets.T.ravel(), so batch and time are swapped
# call: run
# truth: wrong
# names: targets transposed (batch and time swapped) in the gradient

import numpy as np


def run(W, idx, targets):
    x = idx.reshape(-1)
    z = W[x] - W[x].max(1, keepdims=True)
    lp = z - np.log(np.exp(z).sum(1, keepdims=True))
    loss = -lp[np.arange(x.size), targets.reshape(-1)].mean()
    Y = np.eye(W.shape[1])[targets.T.ravel()]
    X = np.eye(W.shape[0])[x]
    return loss, X.T @ (np.exp(lp) - Y) / x.size
