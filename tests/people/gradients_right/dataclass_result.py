# what: a dataclass comes back
# call: evaluate
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> dataclass with loss and dW
# needs: none

from dataclasses import dataclass

import numpy as np


@dataclass
class Evaluation:
    loss: float
    dW: np.ndarray


def evaluate(W, idx, targets):
    x = W[idx] - W[idx].max(axis=2, keepdims=True)
    log_z = np.log(np.exp(x).sum(axis=2, keepdims=True))
    mask = targets[:, :, None] == np.arange(W.shape[1])
    loss = (log_z[..., 0] - x[mask].reshape(targets.shape)).mean()
    d = (np.exp(x - log_z) - mask) / targets.size
    dW = np.stack([d[idx == i].sum(axis=0) for i in range(len(W))])
    return Evaluation(float(loss), dW.astype(W.dtype))
