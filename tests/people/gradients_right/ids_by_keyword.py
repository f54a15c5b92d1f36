# what: the table by position, ids by keyword alone
# call: xent
# truth: right
# kind: gradient ; interface: (W, *, inputs, targets) -> (loss, dW)
# needs: none

import numpy as np


def xent(W, *, inputs, targets):
    N, V = inputs.size, W.shape[0]
    one_x = np.zeros((N, V), W.dtype)
    one_y = np.zeros((N, V), W.dtype)
    one_x[np.arange(N), inputs.ravel()] = 1
    one_y[np.arange(N), targets.ravel()] = 1
    C = one_x.T @ one_y
    n = C.sum(1, keepdims=True)
    z = W - W.max(1, keepdims=True)
    log_s = np.log(np.exp(z).sum(1, keepdims=True))
    return (C * (log_s - z)).sum() / N, (n * np.exp(z - log_s) - C) / N
