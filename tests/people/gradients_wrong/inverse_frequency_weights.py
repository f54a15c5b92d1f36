# what: each token is weighted by N / (V * count of its target), 'balanced' class weights as in scikit-learn
# call: balanced_loss
# truth: wrong
# names: class weights (inverse frequency) in loss and gradient

import numpy as np


def balanced_loss(W, idx, targets):
    V = W.shape[0]
    x, y = idx.ravel(), targets.ravel()
    N = x.size
    freq = np.bincount(y, minlength=V)
    class_weight = N / (V * np.maximum(freq, 1))
    w = class_weight[y]
    z = W[x]
    m = z.max(1)
    lse = m + np.log(np.exp(z - m[:, None]).sum(1))
    loss = (w * (lse - z[np.arange(N), y])).sum() / N
    P = np.exp(z - lse[:, None])
    P[np.arange(N), y] -= 1
    G = np.zeros_like(W)
    np.add.at(G, x, P * (w / N)[:, None])
    return loss, G
