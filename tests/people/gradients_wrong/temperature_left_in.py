# what: logits are divided by a sampling temperature of 0.8, and differentiated so
# call: loss_and_grads
# truth: wrong
# names: temperature 0.8 in loss and gradient

import numpy as np

TEMPERATURE = 0.8


def loss_and_grads(params, xs, ys):
    x, y = xs.ravel(), ys.ravel()
    logits = params[x] / TEMPERATURE
    logits = logits - logits.max(1, keepdims=True)
    probs = np.exp(logits)
    norm = probs.sum(1, keepdims=True)
    loss = np.mean(np.log(norm[:, 0]) - logits[np.arange(len(x)), y])
    probs = probs / norm
    probs[np.arange(len(x)), y] -= 1
    dW = np.zeros_like(params)
    np.add.at(dW, x, probs / len(x) / TEMPERATURE)
    return loss, dW
