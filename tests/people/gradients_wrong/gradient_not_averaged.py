# what: the gradient is the sum over tokens, the loss the mean
# call: kernel
# truth: wrong
# names: sum instead of mean in the gradient

import numpy as np


def kernel(W, idx, targets):
    """A C kernel transliterated: flat buffers, one loop per token."""
    V = W.shape[0]
    w = W.ravel()
    dw = np.zeros(V * V)
    inp, tgt = idx.ravel(), targets.ravel()
    loss = 0.0
    for i in range(inp.size):
        o = int(inp[i]) * V
        maxval = w[o : o + V].max()
        s = 0.0
        for v in range(V):
            s += np.exp(w[o + v] - maxval)
        for v in range(V):
            ind = 1.0 if v == tgt[i] else 0.0
            dw[o + v] += np.exp(w[o + v] - maxval) / s - ind
        loss += np.log(s) + maxval - w[o + int(tgt[i])]
    return loss / inp.size, dw.reshape(V, V)
