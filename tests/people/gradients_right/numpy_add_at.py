# what: gather, log-softmax, np.add.at
# call: loss_and_grad
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW)
# needs: none

import numpy as np


def loss_and_grad(W, idx, targets):
    logits = W[idx]
    logits = logits - logits.max(axis=-1, keepdims=True)
    logprobs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    B, T = idx.shape
    b, t = np.ogrid[:B, :T]
    loss = -logprobs[b, t, targets].mean()
    dlogits = np.exp(logprobs)
    dlogits[b, t, targets] -= 1
    dlogits /= B * T
    dW = np.zeros_like(W)
    np.add.at(dW, idx, dlogits)
    return loss, dW
