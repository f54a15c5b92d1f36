# what: {"loss", "grad"} comes back
# call: step_values
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> {"loss": loss, "grad": dW}
# needs: none

import numpy as np


def step_values(W, idx, targets):
    N = idx.size
    out = {"loss": 0.0, "grad": np.zeros_like(W)}
    for window, following in zip(idx, targets):
        z = W[window]
        z = z - z.max(-1, keepdims=True)
        lse = np.log(np.exp(z).sum(-1, keepdims=True))
        rows = np.arange(len(window))
        out["loss"] -= (z - lse)[rows, following].sum() / N
        g = np.exp(z - lse)
        g[rows, following] -= 1
        np.add.at(out["grad"], window, g / N)
    return out
