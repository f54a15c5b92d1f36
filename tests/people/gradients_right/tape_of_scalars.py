# what: a tape (Wengert list) that is played backwards, arrays of indices and weights
# call: value_and_gradient
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW)
# needs: none

import math

import numpy as np


class Tape:
    def __init__(self):
        self.nodes = []  # ((input, weight), ...) for each variable

    def push(self, *deps):
        self.nodes.append(deps)
        return len(self.nodes) - 1

    def adjoints(self, output):
        bar = [0.0] * len(self.nodes)
        bar[output] = 1.0
        for k in range(output, -1, -1):
            if bar[k] != 0.0:
                for j, w in self.nodes[k]:
                    bar[j] += w * bar[k]
        return bar


def value_and_gradient(W, idx, targets):
    tape, (V, _) = Tape(), W.shape
    var = [[tape.push() for _ in range(V)] for _ in range(V)]
    lse = {}
    loss, deps, N = 0.0, [], idx.size
    for i, j in zip(idx.ravel().tolist(), targets.ravel().tolist()):
        if i not in lse:
            row = W[i].astype(float)
            m = row.max()
            es = [math.exp(r - m) for r in row]
            Z = math.fsum(es)
            total = tape.push(*((var[i][k], es[k]) for k in range(V)))  # dZ/dw_k, in units of exp(m)
            lse[i] = m, math.log(Z), tape.push((total, 1.0 / Z))
        m, log_z, node = lse[i]
        loss += log_z - (float(W[i, j]) - m)
        deps.append(tape.push((node, 1.0), (var[i][j], -1.0)))
    out = tape.push(*((d, 1.0 / N) for d in deps))
    bar = tape.adjoints(out)
    return loss / N, np.array([[bar[v] for v in row] for row in var])
