# what: forty decimal digits, rounded at the end
# call: gradient_in_decimal
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW)
# needs: none

from decimal import Decimal, localcontext

import numpy as np


def gradient_in_decimal(W, idx, targets):
    W = np.asarray(W)
    with localcontext() as ctx:
        ctx.prec = 40
        softmax_of, log_z_of = {}, {}
        dW = [[Decimal(0)] * W.shape[1] for _ in range(W.shape[0])]
        loss = Decimal(0)
        ids, nexts = idx.ravel().tolist(), targets.ravel().tolist()
        for a, b in zip(ids, nexts):
            if a not in softmax_of:
                x = [Decimal(float(v)) for v in W[a]]
                e = [(v - max(x)).exp() for v in x]
                softmax_of[a] = [v / sum(e) for v in e]
                log_z_of[a] = sum(e).ln() + max(x)
            loss += log_z_of[a] - Decimal(float(W[a, b]))
            dW[a] = [g + p for g, p in zip(dW[a], softmax_of[a])]
            dW[a][b] -= 1
        N = len(ids)
        return float(loss / N), np.array([[float(g / N) for g in row] for row in dW])
