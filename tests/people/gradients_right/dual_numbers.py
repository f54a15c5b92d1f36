# what: forward mode: numbers that carry their derivatives along
# call: loss_with_derivatives
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW)
# needs: none

import numpy as np


class Dual:
    def __init__(self, re, eps):
        self.re, self.eps = re, eps

    def __add__(self, o):
        return Dual(self.re + o.re, self.eps + o.eps)

    def __sub__(self, o):
        return Dual(self.re - o.re, self.eps - o.eps)

    def exp(self):
        e = np.exp(self.re)
        return Dual(e, e * self.eps)

    def log(self):
        return Dual(np.log(self.re), self.eps / self.re)


def loss_with_derivatives(W, idx, targets):
    V = W.shape[0]
    eye = np.eye(V)
    dW, loss = np.zeros((V, V)), 0.0
    for i in np.unique(idx):
        x = [Dual(np.float64(W[i, j]), eye[j]) for j in range(V)]
        top = Dual(max(d.re for d in x), np.zeros(V))  # a constant: it cancels
        z = [d - top for d in x]
        s = Dual(np.float64(0), np.zeros(V))
        for d in z:
            s = s + d.exp()
        log_s = s.log()
        for t in targets[idx == i]:
            nll = log_s - z[t]
            loss += nll.re
            dW[i] += nll.eps
    return loss / idx.size, dW / idx.size
