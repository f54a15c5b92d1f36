# what: more parameters with defaults, and it prints
# call: train_step_grad
# truth: right
# kind: gradient ; interface: (W, idx, targets, verbose=True, dtype=None) -> (loss, dW), prints
# needs: none

import numpy as np


def train_step_grad(W, idx, targets, verbose=True, dtype=None):
    x = np.asarray(W, dtype)[idx]
    x = x - x.max(axis=-1, keepdims=True)
    lse = np.log(np.exp(x).sum(axis=-1, keepdims=True))
    y = targets[..., np.newaxis]
    loss = np.mean(lse - np.take_along_axis(x, y, axis=-1))
    if verbose:
        print(f"loss {loss:.4f}, perplexity {np.exp(min(loss, 50)):.2f}")
    g = np.exp(x - lse)
    np.put_along_axis(g, y, np.take_along_axis(g, y, axis=-1) - 1, axis=-1)
    dW = np.zeros(W.shape, x.dtype)
    np.add.at(dW, idx, g / idx.size)
    return loss, dW
