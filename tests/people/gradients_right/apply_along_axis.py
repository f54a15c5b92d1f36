# what: np.apply_along_axis and np.vectorize
# call: slow_numpy
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW)
# needs: none

import numpy as np


def log_softmax(row):
    row = row - row.max()
    return row - np.log(np.exp(row).sum())


def slow_numpy(W, idx, targets):
    logp = np.apply_along_axis(log_softmax, 1, W)
    nll = np.vectorize(lambda i, t: -logp[i, t], otypes=[W.dtype])(idx, targets)
    hits = np.histogram2d(idx.ravel(), targets.ravel(), bins=len(W), range=[[-0.5, len(W) - 0.5]] * 2)[0]
    dW = (hits.sum(1, keepdims=True) * np.exp(logp) - hits) / idx.size
    return nll.mean(), dW.astype(W.dtype)
