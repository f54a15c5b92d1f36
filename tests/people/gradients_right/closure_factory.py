# what: a factory's inner function, with a nonlocal scratch array
# call: gradient_function
# truth: right
# kind: gradient ; interface: closure (W, idx, targets) -> (loss, dW)
# needs: none

import numpy as np


def make(dtype=None):
    scratch = None

    def gradient(W, idx, targets):
        nonlocal scratch
        table = np.asarray(W, dtype or W.dtype)
        if scratch is None or scratch.shape != (idx.size, table.shape[1]) or scratch.dtype != table.dtype:
            scratch = np.empty((idx.size, table.shape[1]), table.dtype)
        np.take(table, idx.ravel(), axis=0, out=scratch)
        scratch -= scratch.max(axis=1, keepdims=True)
        k, y = np.arange(idx.size), targets.ravel()
        picked = scratch[k, y]
        np.exp(scratch, out=scratch)
        sums = scratch.sum(axis=1)
        scratch /= sums[:, None]
        scratch[k, y] -= 1
        dW = np.zeros_like(table)
        np.add.at(dW, idx.ravel(), scratch)
        return float((np.log(sums) - picked).mean()), dW / idx.size

    return gradient


gradient_function = make()
