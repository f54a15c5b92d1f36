# what: triple loop over plain lists, lists come back
# call: loss_and_gradient
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (float, list of lists)
# needs: none

import math


def loss_and_gradient(W, idx, targets):
    W = [[float(x) for x in row] for row in W]
    V = len(W)
    dW = [[0.0] * V for _ in range(V)]
    total, n = 0.0, 0
    for xs, ys in zip(idx, targets):
        for x, y in zip(xs, ys):
            row = W[int(x)]
            top = max(row)
            exps = [math.exp(a - top) for a in row]
            s = sum(exps)
            total += math.log(s) - (row[int(y)] - top)
            for j in range(V):
                dW[int(x)][j] += exps[j] / s
            dW[int(x)][int(y)] -= 1.0
            n += 1
    return total / n, [[g / n for g in row] for row in dW]
