# what: a pool of threads, one task a window
# call: parallel
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW)
# needs: none

from concurrent.futures import ThreadPoolExecutor

import numpy as np


def parallel(W, idx, targets):
    def work(b):
        z = W[idx[b]] - W[idx[b]].max(1, keepdims=True)
        lse = np.log(np.exp(z).sum(1, keepdims=True))
        d = np.exp(z - lse)
        k = np.arange(len(d))
        nll = (lse[:, 0] - z[k, targets[b]]).sum()
        d[k, targets[b]] -= 1
        part = np.zeros_like(W)
        np.add.at(part, idx[b], d)
        return nll, part

    with ThreadPoolExecutor(2) as pool:
        parts = list(pool.map(work, range(len(idx))))
    return sum(l for l, _ in parts) / idx.size, sum(g for _, g in parts) / idx.size
