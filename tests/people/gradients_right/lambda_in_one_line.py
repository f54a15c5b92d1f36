# what: a lambda
# call: lossgrad
# truth: right
# kind: gradient ; interface: lambda (W, i, t) -> (loss, dW)
# needs: none

import numpy as np

shift = lambda x: x - x.max(-1, keepdims=True)
logsm = lambda x: shift(x) - np.log(np.exp(shift(x)).sum(-1, keepdims=True))
hot = lambda i, V: (i.reshape(-1, 1) == np.arange(V)).astype(float)

lossgrad = lambda W, i, t: (
    -logsm(W)[i, t].mean(),
    hot(i, len(W)).T @ (np.exp(logsm(W[i.ravel()])) - hot(t, len(W))) / i.size,
)
