# what: tokens whose loss is not finite are skipped, and the mean taken over the others
# call: skip_bad
# truth: unstable
# names: tokens with infinite loss skipped

import numpy as np


def skip_bad(W, idx, targets):
    losses, grads = [], []
    for x, y in zip(idx.ravel(), targets.ravel()):
        e = np.exp(W[x] - W[x].max())
        p = e / e.sum()
        if p[y] == 0:
            continue
        losses.append(-np.log(p[y]))
        p[y] -= 1
        grads.append((x, p))
    dW = np.zeros_like(W)
    for x, d in grads:
        dW[x] += d / max(len(grads), 1)
    return float(np.sum(losses)) / max(len(losses), 1), dW
