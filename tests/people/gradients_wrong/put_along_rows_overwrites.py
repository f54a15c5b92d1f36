# what: in a loop over sequences dW[row] = d overwrites what earlier tokens of that id gave
# call: loops
# truth: wrong
# names: gradient overwritten instead of accumulated

import numpy as np


def loops(W, idx, targets):
    B, T = idx.shape
    loss, dW = 0.0, np.zeros_like(W)
    for b in range(B):
        for t in range(T):
            i, j = idx[b][t], targets[b][t]
            z = W[i] - W[i].max()
            p = np.exp(z) / np.exp(z).sum()
            loss += (np.log(np.exp(z).sum()) - z[j]) / (B * T)
            p[j] -= 1
            dW[i] = p / (B * T)
    return loss, dW
