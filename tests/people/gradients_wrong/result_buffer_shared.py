# what: the one-hot buffer is allocated once per V and never cleared, so old targets stay hot in the gradient
# call: loss_and_grad
# truth: wrong
# names: one-hot buffer not cleared between calls

import numpy as np


class OneHotLoss:
    _buf = {}

    @staticmethod
    def apply(W, idx, targets):
        x, y = idx.ravel(), targets.ravel()
        V = W.shape[1]
        hot = OneHotLoss._buf.setdefault(V, np.zeros((8192, V)))[: x.size]
        hot[np.arange(x.size), y] = 1
        z = W[x] - W[x].max(1, keepdims=True)
        lse = np.log(np.exp(z).sum(1))
        loss = np.mean(lse - z[np.arange(x.size), y])
        dW = np.zeros_like(W)
        np.add.at(dW, x, (np.exp(z - lse[:, None]) - hot) / x.size)
        return loss, dW


loss_and_grad = OneHotLoss.apply
