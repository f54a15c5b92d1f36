# what: the loss returned is an exponential moving average over calls (0.98), the gradient is right
# call: trainer
# truth: wrong
# names: moving average of the loss over calls

import numpy as np


class Trainer:
    def __init__(self):
        self.ema = None

    def __call__(self, W, idx, targets):
        x, y = idx.ravel(), targets.ravel()
        n = np.arange(x.size)
        z = W[x] - W[x].max(axis=1, keepdims=True)
        logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        loss = -logp[n, y].mean()
        self.ema = loss if self.ema is None else 0.98 * self.ema + 0.02 * loss
        d = np.exp(logp)
        d[n, y] -= 1
        dW = np.zeros(W.shape, W.dtype)
        np.add.at(dW, x, d / x.size)
        return self.ema, dW


trainer = Trainer()
