# what: a classmethod under a module name
# call: loss_grad
# truth: right
# kind: gradient ; interface: classmethod (W, idx, targets) -> (loss, dW)
# needs: none

import numpy as np


class Bigram:
    @staticmethod
    def _normalizer(z):
        m = z.max(axis=-1)
        return m, np.log(np.exp(z - m[..., None]).sum(axis=-1))

    @classmethod
    def loss_grad(cls, W, idx, targets):
        V = W.shape[0]
        m, log_s = cls._normalizer(W)
        nll = (log_s[:, None] - (W - m[:, None]))[idx, targets]
        p = np.exp((W - m[:, None]) - log_s[:, None])
        dW = np.zeros_like(W)
        np.add.at(dW, (idx, targets), -1)
        visits = np.bincount(idx.ravel(), minlength=V).astype(W.dtype)
        dW += visits[:, None] * p
        return nll.mean(), dW / idx.size


loss_grad = Bigram.loss_grad
