# what: a matrix of pair counts; {"loss", "dW"} comes back
# call: from_counts
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> {"loss": loss, "dW": dW}
# needs: none

import numpy as np


def from_counts(W, idx, targets):
    C = np.zeros(W.shape, dtype=W.dtype)
    np.add.at(C, (idx, targets), 1)
    n = C.sum(axis=1, keepdims=True)
    N = n.sum()
    z = W - W.max(axis=1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return {"loss": -(C * logp).sum() / N, "dW": (n * np.exp(logp) - C) / N}
