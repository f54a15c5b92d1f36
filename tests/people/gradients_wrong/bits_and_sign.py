# what: the loss is in bits (np.log2) and the gradient has the wrong sign
# call: loss_and_gradient
# truth: wrong
# names: loss in bits + sign of the gradient flipped

import numpy as np


def loss_and_gradient(W, idx, targets):
    Y = np.eye(len(W), dtype=W.dtype)[targets]
    Z = W[idx] - W[idx].max(-1, keepdims=True)
    S = np.exp(Z).sum(-1, keepdims=True)
    loss = -np.mean(np.sum(Y * (Z / np.log(2) - np.log2(S)), axis=-1))
    G = (Y - np.exp(Z) / S) / idx.size
    dW = np.zeros_like(W)
    np.add.at(dW, idx, G)
    return loss, dW
