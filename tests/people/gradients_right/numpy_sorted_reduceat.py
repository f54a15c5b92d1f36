# what: tokens sorted by id, np.add.reduceat over the runs
# call: compute
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW)
# needs: none

import numpy as np


def compute(W, idx, targets):
    ids = idx.ravel()
    order = np.argsort(ids, kind="stable")
    ids, ys = ids[order], targets.ravel()[order]
    x = W[ids]
    m = np.amax(x, axis=1)
    e = np.exp(x - m[:, None])
    Z = e.sum(axis=1)
    n = np.arange(len(ids))
    loss = (np.log(Z) + (m - x[n, ys])).sum() / len(ids)
    e /= Z[:, None]
    e[n, ys] -= 1
    starts = np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]])
    dW = np.zeros(W.shape, W.dtype)
    dW[ids[starts]] = np.add.reduceat(e, starts, axis=0) / len(ids)
    return loss, dW
