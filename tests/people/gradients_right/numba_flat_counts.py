# what: njit on flat arrays made contiguous first; the loss as float32 or float64 scalar
# call: flat_numba
# truth: right
# kind: gradient ; interface: (inputs, targets, W) -> (numpy scalar, dW)
# needs: numba
# options: --limit 60

import numpy as np
from numba import njit


@njit
def kernel(w, x, y, V, dw):
    counts = np.zeros(V, np.int64)
    loss = 0.0
    for k in range(x.size):
        counts[x[k]] += 1
        dw[x[k] * V + y[k]] -= 1.0
    p = np.empty(V)
    for i in range(V):
        if counts[i] == 0:
            continue
        top = w[i * V : (i + 1) * V].max()
        s = 0.0
        for j in range(V):
            p[j] = np.exp(w[i * V + j] - top)
            s += p[j]
        for j in range(V):
            seen = -dw[i * V + j]
            loss += seen * ((top - w[i * V + j]) + np.log(s))
            dw[i * V + j] += counts[i] * p[j] / s
    dw /= x.size
    return loss / x.size


def flat_numba(inputs, targets, W):
    V = W.shape[0]
    w = np.ascontiguousarray(W, np.float64).ravel()
    dw = np.zeros(V * V)
    loss = kernel(w, inputs.astype(np.int64).ravel(), targets.astype(np.int64).ravel(), V, dw)
    return W.dtype.type(loss), dw.reshape(V, V).astype(W.dtype)
