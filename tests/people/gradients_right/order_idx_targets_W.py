# what: ids first, the table last
# call: loss_and_grad
# truth: right
# kind: gradient ; interface: (idx, targets, W) -> (loss, dW)
# needs: none

import numpy as np


def loss_and_grad(idx, targets, W):
    logits = W[idx.flatten()]
    logits -= logits.max(1)[:, None]
    lse = np.log(np.exp(logits).sum(1))
    n = np.arange(len(lse))
    nll = lse - logits[n, targets.flatten()]
    g = np.exp(logits - lse[:, None])
    g[n, targets.flatten()] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, idx.flatten(), g / len(n))
    return nll.mean(), dW
