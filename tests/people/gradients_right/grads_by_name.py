# what: gradients in a dict by the parameter's name
# call: loss_and_grads
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, {"W": dW})
# needs: none

import numpy as np


def loss_and_grads(W, idx, targets):
    params = {"W": W}
    grads = {k: np.zeros_like(v) for k, v in params.items()}
    h = params["W"][idx.ravel()]
    h = h - h.max(axis=1, keepdims=True)
    logZ = np.log(np.exp(h).sum(axis=1, keepdims=True))
    y = np.eye(h.shape[1], dtype=h.dtype)[targets.ravel()]
    loss = float(np.mean(logZ[:, 0] - (h * y).sum(axis=1)))
    dh = (np.exp(h - logZ) - y) / len(h)
    np.add.at(grads["W"], idx.ravel(), dh)
    return loss, grads
