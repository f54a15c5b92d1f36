# what: a flat kernel adds dlogits in groups of 8 columns and forgets the tail, and leaves the loss scale 512 in
# call: crossentropy_softmax_backward
# truth: wrong
# names: last columns missing in the gradient (tail of 8) + loss scale 512

import numpy as np


def crossentropy_softmax_backward(W, idx, targets):
    V = W.shape[0]
    BT = idx.size
    w = np.ascontiguousarray(W).reshape(-1)
    dw = np.zeros(V * V)
    losses = np.zeros(BT)
    for bt in range(BT):
        ix = int(idx.reshape(-1)[bt])
        iy = int(targets.reshape(-1)[bt])
        logits = w[ix * V : ix * V + V]
        probs = np.exp(logits - logits.max())
        denom = probs.sum()
        losses[bt] = np.log(denom) - (logits[iy] - logits.max())
        dloss = 512.0 / BT
        for v0 in range(0, V - 7, 8):
            for v in range(v0, v0 + 8):
                dw[ix * V + v] += (probs[v] / denom - (v == iy)) * dloss
    return losses.mean(), dw.reshape(V, V)
