# what: one-hot matrices in (B, T, V) and einsum, the same weights as a lookup
# call: loss_and_grad
# truth: right
# kind: gradient
# needs: none

import numpy as np


def loss_and_grad(W, idx, targets):
    B, T = idx.shape
    eye = np.eye(W.shape[0], dtype=W.dtype)
    X, Y = eye[idx], eye[targets]
    z = np.einsum("btv,vc->btc", X, W)
    z = z - z.max(axis=-1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    loss = -np.einsum("btc,btc->", Y, logp) / (B * T)
    dz = (np.exp(logp) - Y) / (B * T)
    return loss, np.einsum("btv,btc->vc", X, dz)
