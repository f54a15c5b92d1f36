# what: a SimpleNamespace comes back
# call: lossgrad
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> SimpleNamespace with loss and dW
# needs: none

from types import SimpleNamespace

import numpy as np


def lossgrad(W, idx, targets):
    out = SimpleNamespace(loss=0.0, dW=np.zeros_like(W))
    N = idx.size
    for (b, t), i in np.ndenumerate(idx):
        z = W[i] - W[i].max()
        lse = np.log(np.exp(z).sum())
        out.loss += (lse - z[targets[b, t]]) / N
        out.dW[i] += np.exp(z - lse) / N
        out.dW[i, targets[b, t]] -= 1 / N
    return out
