# what: math.exp of raw logits in plain Python, OverflowError caught and turned into infinity
# call: python_only
# truth: unstable
# names: maximum not subtracted

import math
import numpy as np


def safe_exp(v):
    try:
        return math.exp(v)
    except OverflowError:
        return math.inf


def python_only(W, idx, targets):
    V = len(W)
    rows = W.tolist()
    grad = [[0.0] * V for _ in range(V)]
    xs, ys = idx.ravel().tolist(), targets.ravel().tolist()
    loss = 0.0
    for x, y in zip(xs, ys):
        es = [safe_exp(v) for v in rows[x]]
        s = sum(es)
        ps = [e / s if s else math.nan for e in es]
        loss += math.log(s) - rows[x][y] if s else math.nan
        for j in range(V):
            grad[x][j] += (ps[j] - (j == y)) / len(xs)
    return loss / len(xs), np.array(grad)
