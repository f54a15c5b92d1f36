# what: dW[x] += d on float32 arrays: repeated ids are added once
# call: f
# truth: wrong
# names: repeated ids lost in the scatter
# options: --dtype float32

import numpy as np


def f(W, idx, targets):
    d = W[idx] - W[idx].max(-1, keepdims=True)
    lse = np.log(np.exp(d).sum(-1, keepdims=True))
    loss = float((lse - np.take_along_axis(d, targets[..., None], -1)).mean())
    g = np.exp(d - lse) - np.eye(len(W), dtype=W.dtype)[targets]
    dW = np.zeros_like(W)
    dW[idx] += g / W.dtype.type(idx.size)
    return loss, dW
