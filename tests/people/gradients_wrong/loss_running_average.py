# what: min-char-rnn's smooth_loss = 0.999 * smooth_loss + 0.001 * loss is returned in place of the loss; gradient right
# call: step
# truth: wrong
# names: running mean of the loss, 0.999
# where: from the second call on

import numpy as np

smooth_loss = None


def step(W, idx, targets):
    global smooth_loss
    x, y = idx.ravel(), targets.ravel()
    z = W[x] - W[x].max(1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(1, keepdims=True))
    loss = -logp[np.arange(len(x)), y].mean()
    smooth_loss = loss if smooth_loss is None else 0.999 * smooth_loss + 0.001 * loss
    d = np.exp(logp)
    d[np.arange(len(x)), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, d / len(x))
    return smooth_loss, dW
