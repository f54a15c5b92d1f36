# what: scipy's logsumexp on the logits as they are, x - lse
# call: nll_raw
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW)
# needs: scipy

import numpy as np
from scipy.special import logsumexp


def nll_raw(W, idx, targets):
    x = W[idx.ravel()]
    logp = x - logsumexp(x, axis=1, keepdims=True)
    k = np.arange(idx.size)
    loss = -logp[k, targets.ravel()].mean()
    d = np.exp(logp)
    d[k, targets.ravel()] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, idx.ravel(), d)
    return loss, dW / idx.size
