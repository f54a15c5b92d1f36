# what: Counter of bigrams, math.fsum, rows visited once
# call: bigram_loss
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW)
# needs: none

from collections import Counter, defaultdict
from math import exp, fsum, log

import numpy as np


def bigram_loss(W, idx, targets):
    pairs = Counter(zip(idx.flatten().tolist(), targets.flatten().tolist()))
    followers = defaultdict(dict)
    for (a, b), c in pairs.items():
        followers[a][b] = c
    N = sum(pairs.values())
    grad = np.zeros(W.shape)
    parts = []
    for a, seen in followers.items():
        logits = W[a].tolist()
        m = max(logits)
        z = [v - m for v in logits]
        Z = fsum(map(exp, z))
        n = sum(seen.values())
        parts += [c * (log(Z) - z[b]) for b, c in seen.items()]
        for j, zj in enumerate(z):
            grad[a, j] = (n * (exp(zj) / Z) - seen.get(j, 0)) / N
    return fsum(parts) / N, grad
