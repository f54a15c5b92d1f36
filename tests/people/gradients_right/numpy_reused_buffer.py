# what: one output array for all calls of a shape: the next call overwrites it
# call: loss_and_grad_into
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW, the same array every time)
# needs: none

import numpy as np

_buffers = {}


def loss_and_grad_into(W, idx, targets):
    dW = _buffers.setdefault((W.shape, W.dtype.str), np.empty(W.shape, W.dtype))
    dW.fill(0)
    i, y = idx.ravel(), targets.ravel()
    x = W[i]
    x = x - x.max(axis=1, keepdims=True)
    e = np.exp(x)
    s = e.sum(axis=1, keepdims=True)
    loss = (np.log(s[:, 0]) - x[np.arange(y.size), y]).mean()
    e /= s
    e[np.arange(y.size), y] -= 1
    np.add.at(dW, i, e)
    dW *= 1 / W.dtype.type(y.size)
    return loss, dW
