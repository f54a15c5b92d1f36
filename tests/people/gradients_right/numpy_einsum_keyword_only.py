# what: one-hot and einsum; arguments by keyword alone
# call: bigram
# truth: right
# kind: gradient ; interface: (*, W, idx, targets) -> (loss, dW)
# needs: none

import numpy as np


def bigram(*, W, idx, targets):
    V = len(W)
    onehot = np.eye(V, dtype=W.dtype)
    logits = W[idx]
    a = logits - logits.max(-1, keepdims=True)
    logp = a - np.log(np.einsum("btv->bt", np.exp(a)))[..., None]
    loss = -np.einsum("btv,btv->", onehot[targets], np.where(onehot[targets] > 0, logp, 0)) / idx.size
    delta = (np.exp(logp) - onehot[targets]) / idx.size
    dW = np.einsum("btu,btv->uv", onehot[idx], delta)
    return loss, dW
