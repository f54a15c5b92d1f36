# what: pointers in disguise: flat arrays in C order and offsets b*T + t
# call: crossentropy_softmax
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW)
# needs: none

import math

import numpy as np


def crossentropy_softmax(W, idx, targets):
    B, T = idx.shape
    V = W.shape[0]
    w = np.ascontiguousarray(W).reshape(V * V)
    inp = np.ascontiguousarray(idx).reshape(B * T)
    tgt = np.ascontiguousarray(targets).reshape(B * T)
    dw = np.zeros(V * V, W.dtype)
    mean_loss = 0.0
    for b in range(B):
        for t in range(T):
            row = int(inp[b * T + t]) * V
            ix = int(tgt[b * T + t])
            maxval = w[row]
            for i in range(1, V):
                if w[row + i] > maxval:
                    maxval = w[row + i]
            probs = np.exp(w[row : row + V] - maxval)
            total = probs.sum()
            mean_loss += (math.log(total) - float(w[row + ix] - maxval)) / (B * T)
            for i in range(V):
                indicator = 1.0 if i == ix else 0.0
                dw[row + i] += (probs[i] / total - indicator) / (B * T)
    return mean_loss, dw.reshape(V, V)
